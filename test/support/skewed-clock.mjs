// Given to a process with --import: its wall clock is SKEW_MS ahead of the machine's, as that of a machine without a time server.
const skewMs = Number(process.env.SKEW_MS);
const RealDate = Date;
const now = () => RealDate.now() + skewMs;
globalThis.Date = class extends RealDate {
  constructor(...parts) {
    super(...(parts.length === 0 ? [now()] : parts));
  }
  static now = now;
};
