// Every SOQL statement of a JSON list, under Salesforce's own grammar.
import { readFileSync } from "node:fs";
import common from "@salesforce/soql-common/lib/soql-parser/index.js";

const parser = common.SOQLParser({ isApex: false, isMultiCurrencyEnabled: true, apiVersion: 60.0 });
for (const statement of JSON.parse(readFileSync(process.argv[2]))) {
  const result = parser.parseQuery(statement);
  const errors = result.getParserErrors().map((e) => e.getMessage());
  console.log(JSON.stringify({ check: statement.slice(0, 70), ok: result.getSuccess(), detail: errors.join("; ").slice(0, 300) }));
}
