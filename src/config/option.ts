import { z } from 'zod';
import { faultOfAddress, isDomain, isHost } from './address.ts';
import { parseCidr } from './cidr.ts';
import { Secret, secretMask } from './secret.ts';
import { durationPattern, parseDurationMs, parseSizeBytes, sizePattern } from './units.ts';

/**
 * The kinds of value an option can have. Each carries `label` (its type in the reference table) and `expected`
 * (what a fault says is allowed). A check's message says what is wrong, and never repeats the value.
 */
const kind = (label: string, expected: string, more: Record<string, unknown> = {}) => ({ label, expected, ...more });

/** Says what an option means; the outermost call of its declaration. `title` is the guide's name for it. */
export function option<T extends z.ZodType>(schema: T, description: string, title?: string): T {
  return schema.meta({ ...schema.meta(), description, ...(title === undefined ? {} : { title }) }) as T;
}

/** A duration between two durations, both allowed. It stays text here; to-options.ts makes milliseconds of it. */
export function duration(min: string, max: string) {
  const expected = `a duration from ${min} to ${max}, such as 250ms, 30s, 10m, 2h or 30d`;
  return z
    .string()
    .trim()
    .superRefine(within({ min, max, parse: parseDurationMs, name: 'a duration' }))
    .meta(kind(`duration, ${min}–${max}`, expected, { pattern: durationPattern }));
}

/** A size between two sizes, both allowed. */
export function size(min: string, max: string) {
  const expected = `a size from ${min} to ${max}, such as 64KB, 150MB or 2GB`;
  return z
    .string()
    .trim()
    .superRefine(within({ min, max, parse: parseSizeBytes, name: 'a size' }))
    .meta(kind(`size, ${min}–${max}`, expected, { pattern: sizePattern }));
}

export function integer(min: number, max: number) {
  return z
    .int()
    .min(min)
    .max(max)
    .meta(kind(`integer, ${min}–${max}`, `a whole number from ${min} to ${max}`));
}

export function flag() {
  return z.boolean().meta(kind('boolean', 'true or false'));
}

export function choice<const T extends readonly [string, ...string[]]>(values: T) {
  return z.enum(values).meta(kind(values.join(' \\| '), `one of ${values.join(', ')}`));
}

/** Trimmed text of 1 to `max` characters without CR, LF and NUL (journaling a). */
export function text(max: number, label = `text, 1–${max} characters`) {
  return z
    .string()
    .trim()
    .superRefine((value, context) => {
      const fault = faultOfText(value, max);
      if (fault !== undefined) context.addIssue({ code: 'custom', message: fault });
    })
    .meta(kind(label, `text of 1 to ${max} characters on one line`, { minLength: 1 }));
}

/** Text that also satisfies `test`. */
export function textOf(max: number, { test, wrong, label, expected }: TextRule) {
  return z
    .string()
    .trim()
    .superRefine((value, context) => {
      const fault = faultOfText(value, max) ?? (test(value) ? undefined : wrong);
      if (fault !== undefined) context.addIssue({ code: 'custom', message: fault });
    })
    .meta(kind(label, expected, { minLength: 1 }));
}
export interface TextRule {
  readonly test: (value: string) => boolean;
  readonly wrong: string;
  readonly label: string;
  readonly expected: string;
}

/** A path of a file or folder; relative ones are relative to the configuration file. */
export function path() {
  return text(4096, 'path').meta(kind('path', 'a path', { minLength: 1 }));
}

/** A host name or address to bind or connect to. */
export function host() {
  const rule = { test: isHost, wrong: 'is not a host', label: 'host name or IP address' };
  return textOf(255, { ...rule, expected: 'a host name, an IPv4 or an IPv6 address' });
}

/** A name of `[a-z0-9-]{1,64}`. */
export function identifier() {
  const pattern = '^[a-z0-9-]{1,64}$';
  return z
    .string()
    .trim()
    .superRefine((value, context) => {
      if (!new RegExp(pattern).test(value)) context.addIssue({ code: 'custom', message: 'is not a valid name' });
    })
    .meta(kind('`[a-z0-9-]{1,64}`', '1 to 64 of a-z, 0-9 and -', { pattern }));
}

export function domain() {
  const test = (value: string): boolean => isDomain(value.startsWith('*.') ? value.slice(2) : value);
  const expected = 'a domain such as example.com, or *.example.com for those below it';
  return textOf(255, { test, wrong: 'is not a domain', label: 'domain', expected });
}

/** An addr-spec; the length limits are those of RFC 5321 section 4.5.3.1. */
export function address() {
  return z
    .string()
    .trim()
    .superRefine((value, context) => {
      const fault = faultOfAddress(value);
      if (fault !== undefined) context.addIssue({ code: 'custom', message: fault });
    })
    .meta(kind('address', 'an address such as journal@example.com, at most 254 octets, 64 before the @'));
}

/** An IPv4 or IPv6 range with its mask. A fault names the range that was probably meant. */
export function cidr() {
  return z
    .string()
    .trim()
    .superRefine((value, context) => {
      const parsed = parseCidr(value);
      if (parsed.ok) return;
      const message =
        parsed.suggestion === null ? parsed.fault : `${parsed.fault} (did you mean ${parsed.suggestion}?)`;
      context.addIssue({ code: 'custom', message });
    })
    .meta(kind('CIDR', 'a range such as 192.0.2.0/24 or 2001:db8::/32'));
}

/** A list; its bound keeps a mistake in a generated file from becoming a memory problem. */
export function list<T extends z.ZodType>(item: T, max: number) {
  const { label = 'map', expected = 'map' } = item.meta() ?? {};
  return z
    .array(item)
    .max(max)
    .meta(kind(`list of ${label}`, `a list of at most ${max}, each ${expected}`));
}

/** A secret of 1 to `max` octets, neither trimmed nor ever shown. */
export function secret(max: number) {
  return z
    .string()
    .superRefine((value, context) => {
      const fault = faultOfSecret(value, max);
      if (fault !== undefined) context.addIssue({ code: 'custom', message: fault });
    })
    .transform((value) => new Secret(value))
    .meta(kind('secret', `1 to ${max} octets on one line, or \${env:NAME} or \${file:PATH}`, { writeOnly: true }));
}

function faultOfText(value: string, max: number): string | undefined {
  if (value === '') return 'is empty';
  if (hasControls(value)) return 'has a line break or NUL in it';
  return [...value].length > max ? `is longer than ${max} characters` : undefined;
}

function faultOfSecret(value: string, max: number): string | undefined {
  if (value === '') return 'is empty';
  if (value === secretMask) return 'is the mask that stands for a secret, not a secret';
  if (hasControls(value)) return 'has a line break or NUL in it';
  return Buffer.byteLength(value) > max ? `is longer than ${max} octets` : undefined;
}

function hasControls(value: string): boolean {
  return value.includes('\r') || value.includes('\n') || value.includes('\0');
}

interface Bounds {
  readonly min: string;
  readonly max: string;
  readonly parse: (text: string) => number | undefined;
  readonly name: string;
}
function within({ min, max, parse, name }: Bounds) {
  const least = parse(min) ?? Number.NaN;
  const most = parse(max) ?? Number.NaN;
  return (value: string, context: z.RefinementCtx): void => {
    const amount = parse(value);
    let message: string | undefined;
    if (amount === undefined) message = `is not ${name}`;
    else if (amount < least) message = `is less than ${min}`;
    else if (amount > most) message = `is more than ${max}`;
    if (message !== undefined) context.addIssue({ code: 'custom', message });
  };
}
