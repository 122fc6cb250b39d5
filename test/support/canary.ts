import { createHash } from 'node:crypto';

/** A text that must not come out: by its name, every shape in which it could. */
export interface Canary {
  readonly name: string;
  readonly text: string;
}

/** Where something was looked for, and what stood there. */
export interface Outlet {
  readonly name: string;
  readonly text: string;
}

/** Every canary that stands in an outlet, as `canary in outlet (shape): …what stood around it…`. */
export function canariesIn(outlets: readonly Outlet[], canaries: readonly Canary[]): readonly string[] {
  return canaries.flatMap(({ name, text }) =>
    shapesOf(text).flatMap(([shape, shaped]) =>
      outlets.flatMap((outlet) => {
        const at = outlet.text.indexOf(shaped);
        const around = outlet.text.slice(Math.max(0, at - 80), at + shaped.length + 20);
        return at < 0 ? [] : [`${name} in ${outlet.name} (${shape}): …${JSON.stringify(around)}…`];
      }),
    ),
  );
}

/** As it stands, and in every coding that a protocol, a log or a hasty hash gives it. */
function shapesOf(text: string): readonly (readonly [shape: string, shaped: string])[] {
  const bytes = Buffer.from(text);
  const hashed = ['sha256', 'sha1', 'md5'].flatMap((algorithm): (readonly [string, string])[] => {
    const digest = createHash(algorithm).update(bytes).digest();
    return [
      [algorithm, digest.toString('hex')],
      [`${algorithm}, base64`, digest.toString('base64').replace(/=+$/, '')],
    ];
  });
  return [
    ['clear', text],
    ...(encodeURIComponent(text) === text ? [] : [['percent-encoded', encodeURIComponent(text)] as const]),
    ['hex', bytes.toString('hex')],
    ...[0, 1, 2].map((shift) => [`base64, ${shift} before`, withinBase64(bytes, shift)] as const),
    ...hashed,
  ];
}

/** What base64 makes of the bytes wherever they begin, less the characters that its neighbours have a part in. */
function withinBase64(bytes: Buffer, shift: number): string {
  const coded = Buffer.concat([Buffer.alloc(shift), bytes])
    .toString('base64')
    .replace(/=+$/, '');
  const whole = Math.floor(((shift + bytes.length) * 8) / 6);
  return coded.slice(Math.ceil((shift * 8) / 6), whole);
}
