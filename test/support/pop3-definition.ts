/** A definition that polls a server of the test (`openPop3Server`), as one item of `definitions`. */
export const pop3Definition = (id: string, port: number): string => `
  - id: ${id}
    description: ${id}
    transport: pop3
    serviceEmailAddress: ${id}@journal.north.example
    deliveryWaitAttempts: 1
    pop3: { host: 127.0.0.1, port: ${port}, mailboxName: box, password: secret, encrypted: false }`;
