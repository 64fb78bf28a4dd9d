"""Routes: method and path to the function that answers."""

import re
from collections.abc import Callable
from functools import partial

from starlette.responses import Response

from sandbox.salesforce import composite, jobs, login, metadata, queries, records, replication

Handler = Callable[..., Response]


def routes(handle: composite.Handle) -> list[tuple[str, re.Pattern[str], Handler]]:
    """List method, path and handler; a path's groups are the handler's arguments, `handle` is for composite."""
    return [(method, re.compile(pattern), handler) for method, pattern, handler in _table(handle)]


def _table(handle: composite.Handle) -> list[tuple[str, str, Handler]]:
    v = r"/services/data/v(?P<version>\d\d\.\d)"
    return [
        ("POST", r"/services/oauth2/token", login.token),
        ("POST", r"/services/oauth2/revoke", login.revoke),
        ("GET", r"/services/oauth2/revoke", login.revoke),
        ("GET", r"/services/oauth2/userinfo", login.userinfo),
        ("POST", r"/services/oauth2/userinfo", login.userinfo),
        ("GET", r"/id/(?P<org>\w{15,18})/(?P<user>\w{15,18})", login.identity),
        ("POST", r"/services/oauth2/introspect", login.introspect),
        ("GET", r"/services/data", metadata.versions),
        ("GET", v, metadata.resources),
        ("GET", v + r"/sobjects", metadata.describe_global),
        ("GET", v + r"/sobjects/(?P<name>\w+)/describe", metadata.describe),
        ("GET", v + r"/sobjects/(?P<name>\w+)", metadata.basic),
        ("POST", v + r"/sobjects/(?P<name>\w+)", records.create),
        ("GET", v + r"/sobjects/(?P<name>\w+)/(?P<record>\w{15,18})", records.retrieve),
        ("PATCH", v + r"/sobjects/(?P<name>\w+)/(?P<record>\w{15,18})", records.update),
        ("DELETE", v + r"/sobjects/(?P<name>\w+)/(?P<record>\w{15,18})", records.delete),
        ("PATCH", v + r"/sobjects/(?P<name>\w+)/(?P<key>\w+)/(?P<value>[^/]+)", records.upsert),
        ("GET", v + r"/sobjects/(?P<name>\w+)/updated", replication.updated),
        ("GET", v + r"/sobjects/(?P<name>\w+)/deleted", replication.deleted),
        ("GET", v + r"/(?P<mode>query|queryAll)", queries.query),
        ("GET", v + r"/(?:query|queryAll)/(?P<locator>[\w-]+)", queries.more),
        ("GET", v + r"/tooling/query", queries.tooling),
        ("GET", v + r"/tooling/sobjects", metadata.describe_tooling),
        ("DELETE", v + r"/tooling/sobjects/CustomField/(?P<field>\w{15,18})", records.delete_field),
        ("POST", v + r"/tooling/sobjects/CustomField", records.create_field),
        ("PATCH", v + r"/composite/sobjects", composite.update_many),
        ("POST", v + r"/composite/sobjects", composite.create_many),
        ("DELETE", v + r"/composite/sobjects", composite.delete_many),
        ("POST", v + r"/composite", partial(composite.composite, handle=handle)),
        ("GET", v + r"/limits", metadata.limits),
        ("GET", v + r"/connect/organization", metadata.organization),
        ("POST", v + r"/jobs/query", jobs.create_query),
        ("GET", v + r"/jobs/query", jobs.list_queries),
        ("GET", v + r"/jobs/query/(?P<job>\w+)", jobs.look_at_query),
        ("PATCH", v + r"/jobs/query/(?P<job>\w+)", jobs.abort_query),
        ("DELETE", v + r"/jobs/query/(?P<job>\w+)", jobs.delete_query),
        ("GET", v + r"/jobs/query/(?P<job>\w+)/results", jobs.results),
        ("GET", v + r"/jobs/query/(?P<job>\w+)/resultPages", jobs.result_pages),
        ("POST", v + r"/jobs/ingest", jobs.create_ingest),
        ("GET", v + r"/jobs/ingest", jobs.list_ingests),
        ("PUT", v + r"/jobs/ingest/(?P<job>\w+)/batches", jobs.upload),
        ("PATCH", v + r"/jobs/ingest/(?P<job>\w+)", jobs.close),
        ("GET", v + r"/jobs/ingest/(?P<job>\w+)", jobs.look_at_ingest),
        ("DELETE", v + r"/jobs/ingest/(?P<job>\w+)", jobs.delete_ingest),
        ("GET", v + r"/jobs/ingest/(?P<job>\w+)/(?P<which>\w+Results|\w+[rR]ecords)", jobs.ingest_rows),
    ]
