import type { Command } from 'commander';
import { parseSizeBytes } from '../config/units.ts';
import { CommandFailure, exitCodes } from './exit-codes.ts';
import type { FinishedAnswer, MovedAnswer, MovePlanAnswer, MoveReportAnswer, MoveTold } from './migrate-options.ts';
import { configOption, jsonOption, type ProgramOptions } from './options.ts';
import { duration } from './progress.ts';

/** Commands that move an archive from files into a cluster, and back. */
export function addMigrateCommands(program: Command, options: ProgramOptions): void {
  const group = program
    .command('migrate')
    .description('move the archive of this engine into the cluster that `cluster` names, and back')
    .addHelpText('after', '\nExample:\n  daybook migrate plan');
  addInto(group, options);
  addVerify(group, options);
  addBack(group, options);
}

function addInto(group: Command, { actions, out, err }: ProgramOptions): void {
  group
    .command('plan')
    .description('say what a move would be, and what stands against it; writes nothing')
    .addOption(configOption())
    .addOption(jsonOption())
    .addHelpText('after', '\nExample:\n  daybook migrate plan')
    .action(async ({ config, json }) => {
      const plan = await actions.movePlan(config);
      out.write(json ? `${JSON.stringify(plan)}\n` : planText(plan));
      if (plan.refusals.length > 0) throw new CommandFailure(exitCodes.failed, plan.refusals.join('; '));
    });
  group
    .command('copy')
    .description('copy what the cluster does not have yet, while mail goes on; again as often as you like')
    .option('--token <token>', 'token for the engine')
    .addOption(configOption())
    .addOption(jsonOption())
    .addHelpText('after', '\nExample:\n  daybook migrate copy')
    .action(async ({ config, token, json }) => {
      const done = await actions.moveCopy({ config, token }, toldTo(err));
      clear(err);
      const text = `${done.records} records are in the cluster; stop the engine and run \`daybook migrate finish\`\n`;
      out.write(json ? `${JSON.stringify(done)}\n` : text);
    });
  group
    .command('finish')
    .description('copy the rest, the engine stopped, and hand the archive over to the cluster')
    .addOption(configOption())
    .addOption(jsonOption())
    .addHelpText('after', '\nExample:\n  daybook migrate finish')
    .action(async ({ config, json }) => {
      const done = await actions.moveFinish(config, toldTo(err));
      clear(err);
      out.write(json ? `${JSON.stringify(done ?? { already: true })}\n` : finishedText(done));
    });
}

function addVerify(group: Command, { actions, out, err }: ProgramOptions): void {
  group
    .command('verify')
    .description('read all that lies in the cluster, and check every hash; mail goes on')
    .option('--rate <size>', 'bytes read in a second, at most', '32MB')
    .option('--report <file>', 'write the report there too, as JSON')
    .addOption(configOption())
    .addOption(jsonOption())
    .addHelpText('after', '\nExample:\n  daybook migrate verify --report moved.json')
    .action(async ({ config, rate, report: file, json }) => {
      const bytesPerSecond = parseSizeBytes(rate);
      if (bytesPerSecond === undefined || bytesPerSecond < 1)
        throw new CommandFailure(exitCodes.usage, `--rate: ${rate} is no size such as 32MB`);
      const report = await actions.moveVerify({ config, bytesPerSecond }, toldTo(err));
      clear(err);
      if (file !== undefined) await actions.writeFile(file, `${JSON.stringify(report, null, 2)}\n`);
      out.write(json ? `${JSON.stringify(report)}\n` : reportText(report));
      if (report.faults.length > 0) throw new CommandFailure(exitCodes.failed, `${report.faults.length} faults`);
    });
}

function addBack(group: Command, { actions, out, err }: ProgramOptions): void {
  group
    .command('back')
    .description('copy what the files do not have yet, while the workers run; again as often as you like')
    .option('--finish', 'the rest, all workers stopped, and hand the archive over to the files', false)
    .addOption(configOption())
    .addOption(jsonOption())
    .addHelpText('after', '\nExample:\n  daybook migrate back --finish')
    .action(async ({ config, finish, json }) => {
      const done = await actions.moveBack({ config, token: undefined, finish }, toldTo(err));
      clear(err);
      out.write(json ? `${JSON.stringify(done)}\n` : backText(done, finish));
    });
}

const toldTo =
  (err: ProgramOptions['err']): MoveTold =>
  ({ seq, of, bytes }) => {
    if (err.colours) err.write(`\r${seq} of ${of} records, ${megabytes(bytes)} MB`);
  };
const clear = (err: ProgramOptions['err']): void => {
  if (err.colours) err.write('\r\u001b[K');
};
const megabytes = (bytes: number): string => (bytes / 1_000_000).toFixed(1);

function planText({ source, target, left, warnings }: MovePlanAnswer): string {
  const files = `files: ${source.records} records, ${megabytes(source.bytes)} MB in ${source.segments} segments\n`;
  const waits =
    target?.synchronous === '' ? 'no standby' : `${target?.synchronous} (${target?.standbys ?? '?'} connected)`;
  const cluster =
    target === null
      ? ''
      : `cluster: PostgreSQL ${target.version}, commits wait for ${waits}, the log is ${target.state} with ${target.records} records\n`;
  const rest = `to be copied: ${left.records} records, ${megabytes(left.bytes)} MB, about ${duration(left.seconds)}\n`;
  return files + cluster + rest + warnings.map((warning) => `warning: ${warning}\n`).join('');
}

function finishedText(done: FinishedAnswer | null): string {
  if (done === null) return 'the archive lies in the cluster already: set store.backend: cluster\n';
  const { records, root, waiting, documents } = done;
  return `${records} records, ${waiting} items in process, ${documents} documents; root ${root} on both sides\nset store.backend: cluster and start\n`;
}

function reportText({ records, bytes, dropped, root, compared, faults }: MoveReportAnswer): string {
  const beside = compared === null ? 'no files to compare with' : `${compared} compared with files`;
  const found = faults.length === 0 ? 'no fault' : `${faults.length} faults`;
  const lines = faults.map((fault) => `FAULT ${fault}\n`).join('');
  return `${records} records, ${bytes} bytes read, ${dropped} payloads deleted, ${beside}: ${found}\nroot ${root}\n${lines}`;
}

const backText = ({ records, root }: MovedAnswer, finish: boolean): string =>
  finish
    ? `${records} records, root ${root} on both sides\nset store.backend: embedded and start\n`
    : `${records} records are in files; stop all workers and run \`daybook migrate back --finish\`\n`;
