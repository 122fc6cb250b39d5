import { canaryRules } from './canary-rules.ts';
import { parseCidr } from './cidr.ts';
import type { DocumentFault, FaultPath } from './fault.ts';
import { valueAt } from './schema-walk.ts';

/**
 * Rules over several fields of one definition (interface section 3, journaling a.2). They read the document as it
 * stands, so that they speak up beside other faults; what has the wrong type is left to the schema.
 */
export function definitionRules(definition: unknown, base: FaultPath): readonly DocumentFault[] {
  const transport = valueAt(definition, ['transport']);
  const ofTransport = { smtp: smtpRules, pop3: pop3Rules } as const;
  const rules = transport === 'smtp' || transport === 'pop3' ? ofTransport[transport](definition, base) : [];
  return [...rules, ...canaryRules(definition, base)];
}

/** Positions of ranges that admit every address. */
export function openRanges(ranges: unknown): readonly number[] {
  if (!Array.isArray(ranges)) return [];
  return ranges.flatMap((range, index) => {
    const parsed = typeof range === 'string' ? parseCidr(range.trim()) : undefined;
    return parsed?.ok === true && parsed.range.prefix === 0 ? [index] : [];
  });
}

function smtpRules(definition: unknown, base: FaultPath): DocumentFault[] {
  const smtp = valueAt(definition, ['smtp']);
  const authenticates = valueAt(smtp, ['useSmtpAuthentication']) === true;
  const faults: DocumentFault[] = [];
  if (authenticates && valueAt(smtp, ['password']) === undefined) {
    const text = 'is missing; required with useSmtpAuthentication: true';
    faults.push({ path: [...base, 'smtp', 'password'], at: 'missing', text });
  }
  if (!authenticates) {
    for (const index of openRanges(valueAt(smtp, ['additionalSourceIpRanges']))) {
      const text = 'admits every address; allowed only with useSmtpAuthentication: true';
      faults.push({ path: [...base, 'smtp', 'additionalSourceIpRanges', index], at: 'value', text });
    }
  }
  return faults;
}

function pop3Rules(definition: unknown, base: FaultPath): DocumentFault[] {
  const pop3 = valueAt(definition, ['pop3']);
  if (valueAt(pop3, ['encrypted']) !== false || valueAt(pop3, ['certificatePin']) === undefined) return [];
  const text = 'is never checked without encryption; allowed only with encrypted: true';
  return [{ path: [...base, 'pop3', 'certificatePin'], at: 'value', text }];
}
