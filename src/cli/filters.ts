import { type Command, Option } from 'commander';
import type { Query } from './client.ts';

/** What a search of the archive may ask for (interface section 5), without its page. */
export const messageFilters = [
  'definition',
  'mailbox',
  'from',
  'to',
  'message-id',
  'subject',
  'since',
  'until',
  'flag',
] as const;

/** Of an export, whose option `--to` says where it goes: that filter is `--recipient`. */
export const exportFilters = [...messageFilters.filter((filter) => filter !== 'to'), 'limit', 'cursor'];

/** Options that are query parameters of the API. */
export function withFilters(command: Command, filters: readonly string[]): Command {
  for (const filter of filters) {
    command.option(`--${filter} <value>`, `as the query parameter ${camel(filter)} of the API`);
    // Also by the name that the parameter has.
    if (filter !== camel(filter)) command.addOption(new Option(`--${camel(filter)} <value>`).hideHelp());
  }
  return command;
}

export const queryOf = (globals: Query, filters: readonly string[]): Query =>
  Object.fromEntries(filters.map(camel).map((name) => [name, globals[name]]));

const camel = (filter: string): string => filter.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
