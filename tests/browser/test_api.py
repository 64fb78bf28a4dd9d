"""The JSON API judged by schemathesis: every operation of its OpenAPI document, with whatever it can think of."""
