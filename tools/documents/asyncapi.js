// Parses the given AsyncAPI documents, and fails on any error or warning.
import { readFile } from 'node:fs/promises'
import { DiagnosticSeverity, Parser } from '@asyncapi/parser'

let failed = false
for (const path of process.argv.slice(2)) {
  const { document, diagnostics } = await new Parser().parse(await readFile(path, 'utf8'))
  // Information, for example about a newer version of AsyncAPI, needs no action.
  const faults = diagnostics.filter((d) => d.severity <= DiagnosticSeverity.Warning)
  for (const d of faults) {
    console.error(`${path}:${d.range.start.line + 1}: ${d.code}: ${d.message}`)
  }
  if (faults.length > 0 || !document) {
    failed = true
    console.error(`${path}: not valid`)
  } else {
    console.log(`${path}: valid, ${document.allMessages().length} messages`)
  }
}
process.exitCode = failed ? 1 : 0
