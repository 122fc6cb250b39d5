import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { canary, clusterStatus, status } from '../support/fake-engine-api.ts';
import { httpFixture } from '../support/http-app.ts';
import { lacks, partner } from '../support/journey-partners.ts';

const folder = join(import.meta.dirname, '../../packaging/monitoring');
const text = (name: string): string => readFileSync(join(folder, name), 'utf8');

interface Rules {
  readonly groups: readonly { readonly rules: readonly { readonly alert: string; readonly expr: string }[] }[];
}
interface Panel {
  readonly title: string;
  readonly datasource: { readonly uid: string };
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets: readonly { readonly expr: string; readonly legendFormat: string }[];
}
interface Dashboard {
  readonly uid?: string;
  readonly id?: number;
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly { readonly name: string; readonly type: string }[] };
}
const rules = (parse(text('prometheus-rules.yml')) as Rules).groups.flatMap((group) => group.rules);
const dashboard = JSON.parse(text('grafana-dashboard.json')) as Dashboard;
const queries = [
  ...rules.map(({ alert, expr }) => [alert, expr] as const),
  ...dashboard.panels.flatMap(({ title, targets }) => targets.map(({ expr }) => [title, expr] as const)),
];

/** What `/metrics` writes where each kind of definition and an anchor is. */
async function scraped(): Promise<string> {
  await using http = httpFixture();
  const { engine, definitions } = http.engine.api.status();
  const anchor = { name: 'mount', kind: 'file', lastAt: engine.now, failingSince: null } as const;
  const mailbox = status({ id: 'mailbox', transport: 'pop3', pop3MailboxQueue: 3, canary: canary() });
  const patience = { since: engine.now, exchangeUntil: engine.now, gmailUntil: engine.now };
  const waiting = status({ id: 'waiting', patience });
  http.engine.api.status = () => ({
    engine: { ...engine, anchors: [anchor], worker: 'one', cluster: clusterStatus() },
    definitions: [...definitions, mailbox, waiting],
  });
  return (await http.app.inject('/metrics')).body;
}

/** Names and labels of the metrics as `/metrics` writes them. */
async function exported(): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
  const body = await scraped();
  const metrics = new Map<string, Set<string>>();
  for (const line of body.split('\n')) {
    const [, type] = /^# TYPE (\S+)/.exec(line) ?? [];
    if (type !== undefined) metrics.set(type, new Set());
    const [, name = '', labels = ''] = /^(daybook_\w+)(?:\{(.*)\})? /.exec(line) ?? [];
    for (const [, label = ''] of labels.matchAll(/(\w+)="/g)) metrics.get(name)?.add(label);
  }
  return metrics;
}

/** What a scrape adds to every series. */
const ofScrape = ['instance', 'job'];

test('every metric that a rule or a panel asks for is there, with each label that it is chosen or told apart by', async () => {
  const metrics = await exported();
  expect(queries.length).toBeGreaterThan(30);
  for (const [where, expr] of queries) {
    const named = [...expr.matchAll(/\b(daybook_\w+)(?:\{([^}]*)\})?/g)];
    expect(named.length + (expr.startsWith('up{') ? 1 : 0), `${where} asks for something`).toBeGreaterThan(0);
    const known = new Set(named.flatMap(([, name = '']) => [...(metrics.get(name) ?? [])]));
    for (const [, name = '', labels = ''] of named) {
      expect([...metrics.keys()], where).toContain(name);
      for (const [, label = ''] of labels.matchAll(/(\w+)(?:=~|!~|!=|=)/g))
        expect([...(metrics.get(name) ?? []), ...ofScrape], `${where}: ${name}`).toContain(label);
    }
    for (const [, by = ''] of expr.matchAll(/by \(([^)]*)\)/g))
      for (const label of by.split(',')) expect([...known, ...ofScrape], where).toContain(label.trim());
  }
  for (const { title, targets } of dashboard.panels)
    for (const { expr, legendFormat } of targets) {
      const labels = [...expr.matchAll(/daybook_\w+/g)].flatMap(([name]) => [...(metrics.get(name) ?? [])]);
      for (const [, label = ''] of legendFormat.matchAll(/\{\{(\w+)\}\}/g))
        expect([...labels, ...ofScrape], title).toContain(label);
    }
});

test('the values that labels are compared with are those that are written', async () => {
  const body = await scraped();
  for (const [where, expr] of queries) {
    for (const [, label, values = ''] of expr.matchAll(/\b(state|outcome)=~?"([^"]+)"/g))
      for (const value of values.split('|')) expect(body, where).toContain(`${label}="${value}"`);
  }
});

test('every metric that is exported is drawn or watched somewhere', async () => {
  const asked = queries.map(([, expr]) => expr).join('\n');
  const unused = [...(await exported()).keys()].filter((name) => !asked.includes(name));
  expect(unused).toEqual(['daybook_last_message_timestamp_seconds', 'daybook_process_start_time_seconds']);
});

test('the dashboard takes its data source from a variable, has no fixed uid, and no panel lies on another', () => {
  const { panels, templating, uid, id } = dashboard;
  expect([uid, id]).toEqual([undefined, undefined]);
  expect(templating.list.map(({ name }) => name)).toEqual(['datasource', 'instance', 'definition']);
  for (const { datasource } of panels) expect(datasource.uid).toBe(['$', '{datasource}'].join(''));
  const taken = new Set<string>();
  for (const {
    title,
    gridPos: { x, y, w, h },
  } of panels) {
    expect(x + w, title).toBeLessThanOrEqual(24);
    for (let column = x; column < x + w; column += 1)
      for (let row = y; row < y + h; row += 1) {
        expect(taken.has(`${column} ${row}`), title).toBe(false);
        taken.add(`${column} ${row}`);
      }
  }
});

describe.skipIf(lacks(['promtool']))('promtool', () => {
  test.each([
    ['check', 'prometheus-rules.yml'],
    ['test', 'prometheus-rules.test.yml'],
  ])('%s rules %s', async (verb, file) => {
    const { code, stdout, stderr } = await partner('promtool', [verb, 'rules', join(folder, file)]);
    expect(code, stdout + stderr).toBe(0);
    expect(stdout).toContain('SUCCESS');
  });
});
