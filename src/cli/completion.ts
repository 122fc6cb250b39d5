import { type CommandNode, nodesOf, type Value } from './command-tree.ts';

export type Shell = 'bash' | 'zsh' | 'fish';

/**
 * A completion script: command names, options, words to choose from and paths. Everything stands in the script, so
 * that a press of the tab key starts no process; ids of definitions are therefore not completed.
 */
export function completionScript(shell: Shell, tree: CommandNode): string {
  return { bash: bashScript, zsh: zshScript, fish: fishScript }[shell](tree);
}

/** `/definitions/list`; the program itself is the empty text. */
const pathOf = ({ words }: CommandNode): string => words.map((word) => `/${word}`).join('');

/** One row of a shell's `case`. */
const when = (pattern: string, action: string): string => `    ${pattern}) ${action} ;;`;

/** Rows of what stands behind options, those of one action together. */
function valueRows(nodes: readonly CommandNode[], actionOf: (value: Value) => string): string {
  const rows = new Map<string, string[]>();
  for (const [at, value] of nodes.flatMap(valuesOf)) {
    const action = actionOf(value);
    rows.set(action, [...(rows.get(action) ?? []), `'${at}'`]);
  }
  return [...rows].map(([action, places]) => when(places.join('|'), action)).join('\n');
}

/** The walk that both bash and zsh do: which command stands on the line before the cursor. */
const walkCase = (tree: CommandNode): string =>
  nodesOf(tree)
    .filter(({ words }) => words.length > 0)
    .map((node) => `'${pathOf(node)}'`)
    .join('|');

const valuesOf = (node: CommandNode): readonly (readonly [name: string, value: Value])[] =>
  node.options.flatMap(({ names, value }) =>
    value.kind === 'none' ? [] : names.map((name) => [`${pathOf(node)} ${name}`, value] as const),
  );

/** What may stand where no option's value does: words with what they mean, and paths. */
interface Wanted {
  readonly items: readonly (readonly [word: string, text: string])[];
  readonly takesPath: boolean;
}

function wantedBy(node: CommandNode): Wanted {
  const values = node.arguments.map(({ value }) => value);
  const chosen = values.flatMap((value) => (value.kind === 'choice' ? value.choices : []));
  const children = node.children.map((child) => [child.words.at(-1) ?? '', child.description] as const);
  return {
    items: [...children, ...chosen.map((choice) => [choice, ''] as const)],
    takesPath: values.some(({ kind }) => kind === 'path'),
  };
}

function bashScript(tree: CommandNode): string {
  const nodes = nodesOf(tree);
  const values = valueRows(nodes, (value) => {
    if (value.kind === 'choice') return `_daybook_words '${value.choices.join(' ')}'; return`;
    return value.kind === 'path' ? '_daybook_paths; return' : 'return';
  });
  const rows = nodes.map((node) => {
    const { items, takesPath } = wantedBy(node);
    const names = node.options.flatMap((option) => option.names).join(' ');
    const words = items.map(([word]) => word).join(' ');
    return when(`'${pathOf(node)}'`, `options='${names}' words='${words}' paths=${takesPath ? 1 : 0}`);
  });
  return `# bash completion of daybook; written by \`daybook completion bash\`
_daybook_words() { COMPREPLY=($(compgen -W "$1" -- "$cur")); }
_daybook_paths() { compopt -o filenames 2>/dev/null; local IFS=$'\\n'; COMPREPLY=($(compgen -f -- "$cur")); }
_daybook() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD - 1]} at='' i options='' words='' paths=0
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "$at/\${COMP_WORDS[i]}" in
      ${walkCase(tree)}) at="$at/\${COMP_WORDS[i]}" ;;
    esac
  done
  case "$at $prev" in
${values}
  esac
  case "$at" in
${rows.join('\n')}
  esac
  if [[ $cur == -* ]]; then _daybook_words "$options"
  elif ((paths)); then _daybook_paths
  else _daybook_words "$words"; fi
}
complete -F _daybook daybook
`;
}

function zshScript(tree: CommandNode): string {
  const nodes = nodesOf(tree);
  const values = valueRows(nodes, (value) => {
    if (value.kind === 'choice') return `compadd -- ${value.choices.join(' ')}; return`;
    return value.kind === 'path' ? '_files; return' : 'return';
  });
  const rows = nodes.map((node) => {
    const { items, takesPath } = wantedBy(node);
    const words = items.map(([word, text]) => zshItem(word, text)).join(' ');
    const options = node.options.flatMap(({ names, description }) => names.map((name) => zshItem(name, description)));
    return when(`'${pathOf(node)}'`, `options=(${options.join(' ')}) commands=(${words}) paths=${takesPath ? 1 : 0}`);
  });
  return `#compdef daybook
# zsh completion of daybook; written by \`daybook completion zsh\`
_daybook() {
  local at='' i paths=0
  local -a options commands
  for ((i = 2; i < CURRENT; i++)); do
    case "$at/\${words[i]}" in
      ${walkCase(tree)}) at="$at/\${words[i]}" ;;
    esac
  done
  case "$at \${words[CURRENT - 1]}" in
${values}
  esac
  case "$at" in
${rows.join('\n')}
  esac
  if [[ $PREFIX == -* ]]; then _describe -o option options
  elif ((paths)); then _files
  else _describe command commands; fi
}
if [[ \${funcstack[1]:-} == _daybook ]]; then _daybook "$@"; else compdef _daybook daybook; fi
`;
}

/** \`word:description\` in quotes, as \`_describe\` reads it. */
const zshItem = (word: string, text: string): string =>
  quoted(text === '' ? word : `${word.replaceAll(':', '\\:')}:${text}`);

function fishScript(tree: CommandNode): string {
  const lines = nodesOf(tree).flatMap((node) => {
    const here = `-n ${quoted(`__daybook_at ${quoted(pathOf(node))}`)}`;
    const { items, takesPath } = wantedBy(node);
    return [
      ...items.map(([word, text]) => `${here} -a ${word}${text === '' ? '' : ` -d ${quoted(text)}`}`),
      ...(takesPath ? [`${here} -F`] : []),
      ...node.options.map(
        ({ names, description, value }) => `${here} ${fishOption(names, value)} -d ${quoted(description)}`,
      ),
    ];
  });
  return `# fish completion of daybook; written by \`daybook completion fish\`
function __daybook_at
  set -l at ''
  for word in (commandline -opc)[2..]
    switch "$at/$word"
      case ${walkCase(tree).replaceAll('|', ' ')}
        set at "$at/$word"
    end
  end
  test "$at" = "$argv[1]"
end
complete -c daybook -f
${lines.map((line) => `complete -c daybook ${line}`).join('\n')}
`;
}

function fishOption(names: readonly string[], value: Value): string {
  const flags = names.map((name) => (name.startsWith('--') ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`)).join(' ');
  if (value.kind === 'none') return flags;
  if (value.kind === 'path') return `${flags} -r -F`;
  return value.kind === 'choice' ? `${flags} -x -a ${quoted(value.choices.join(' '))}` : `${flags} -x`;
}

/** One word of a POSIX shell or of zsh; fish reads it the same as long as no backslash stands in it. */
const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;
