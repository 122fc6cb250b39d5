/**
 * A commented configuration that passes the check as it stands: the README shows it, and a first run can begin with
 * it. `schemaFile` is where an editor finds the JSON Schema.
 */
export function sampleConfig(schemaFile: string): string {
  return `# yaml-language-server: $schema=${schemaFile}
# Daybook. Durations: 250ms, 30s, 10m, 2h, 30d. Sizes: 64KB, 150MB, 2GB.
# \${env:NAME} and \${file:PATH} stand for a value; paths are relative to this file.

dataDir: ./data

http:
  host: 127.0.0.1        # anything but loopback needs http.tokens
  port: 8025

smtp:
  host: 127.0.0.1        # 0.0.0.0 to let the mail server in
  port: 2525
  authorizedSources:     # who may send; with none, this machine alone
    - 127.0.0.1/32

directory:
  internalDomains:       # whose mail is kept
    - example.com
    - "*.example.com"

definitions:
  - id: exchange
    description: Exchange journal
    transport: smtp
    serviceEmailAddress: journal@journal.example.com
`;
}
