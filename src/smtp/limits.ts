/** Bounds of one listener. All have a default below; only tests set them. */
export interface SmtpLimits {
  readonly recipients: number;
  readonly commandsWithoutMail: number;
  readonly commandBytes: number;
  readonly unknownPeerConnections: number;
  readonly keptShare: number;
  readonly knownSenders: number;
  readonly settlingMs: number;
  readonly introductions: number;
  readonly introductionMs: number;
  readonly authTries: number;
  readonly authFailures: number;
  readonly authWindowMs: number;
  readonly authPeers: number;
  readonly accountFailures: number;
  readonly accountDelayMs: number;
  readonly accountMaxDelayMs: number;
  readonly overrunBytes: number;
  readonly rateWindowMs: number;
  readonly rateBytesPerSecond: number;
  readonly dataDeadlineMs: number;
  readonly sessionMs: number;
  readonly lingerMs: number;
  readonly sweepMs: number;
  readonly graceMs: number;
}

/** The guards that smtp-server lacks (reliability 0 F10, 2.1, 5.8). */
export const smtpLimits: SmtpLimits = {
  /** RCPT commands in one transaction, refused and repeated ones too (journaling c.7). */
  recipients: 1000,
  /** Commands since the last accepted message, RCPT within its own bound not counted: ends NOOP floods and harvesting. */
  commandsWithoutMail: 100,
  /** One command line; AUTH may have the 16 KB of the parser. */
  commandBytes: 4096,
  /** At a time, from one address that may not send: room to see a 451, none to take every slot. */
  unknownPeerConnections: 20,
  /** Of all connections, for addresses that have delivered: enough for a relay to go on while strangers have the rest. */
  keptShare: 0.2,
  /** Addresses that have delivered and are remembered: about 1 MB. The one that delivered longest ago goes first. */
  knownSenders: 10_000,
  /** What a stranger has before it may be asked to go for another: time for a whole message, however slow the handshake. */
  settlingMs: 10_000,
  /** Connections of balancers that have not said whose they are: they do with their first segment, so it is what came in a moment. */
  introductions: 1000,
  /** Until the PROXY header is whole: for a lost segment and its repetition, which are 3 seconds. A client waits minutes for its greeting. */
  introductionMs: 10_000,
  /** On one connection. */
  authTries: 3,
  /** From one address within the window (journaling a.2). */
  authFailures: 5,
  authWindowMs: 600_000,
  /** Addresses whose failures are remembered, accounts too: about 2 MB each. The oldest goes first. */
  authPeers: 10_000,
  /** Of one account within the window, from whatever addresses; beyond it each try waits twice as long as the last. */
  accountFailures: 10,
  accountDelayMs: 1000,
  /** Far below the five minutes that a client gives an answer (RFC 5321 section 4.5.3.2). */
  accountMaxDelayMs: 30_000,
  /** Swallowed past the size limit so that an honest sender still reads its 552; then the connection is cut. */
  overrunBytes: 16 * 1024 * 1024,
  /** DATA must bring this rate in each window; time in which we ourselves stop reading does not count. */
  rateWindowMs: 30_000,
  rateBytesPerSecond: 1000,
  /** Longest DATA, however fast it looks. */
  dataDeadlineMs: 900_000,
  /** Longest time without an accepted message, DATA not counted. */
  sessionMs: 1_800_000,
  /** What a client gets to read our last answer before its socket is destroyed. */
  lingerMs: 2000,
  /** One interval for all connections instead of timers for each. */
  sweepMs: 1000,
  /** For messages in DATA at `close`. */
  graceMs: 10_000,
};
