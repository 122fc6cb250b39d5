import type { ErrorCode } from 'yaml';

/** Says what a syntax fault is. Our own words: the library's repeat what was written, which may be a secret. */
export function yamlFaultText(code: ErrorCode): string {
  switch (code) {
    case 'BAD_ALIAS':
    case 'ALIAS_PROPS':
      return 'is a faulty alias; text that begins with * needs quotes';
    case 'TAG_RESOLVE_FAILED':
    case 'MULTIPLE_TAGS':
      return 'has a tag, and tags are not known here; text that begins with ! needs quotes';
    case 'MULTIPLE_ANCHORS':
    case 'BAD_PROP_ORDER':
      return 'has faulty anchors; text that begins with & needs quotes';
    case 'BAD_SCALAR_START':
      return 'begins with a character that YAML keeps for itself; put the text in quotes';
    case 'BAD_DQ_ESCAPE':
      return 'has an escape in double quotes that YAML does not know; use single quotes, or \\\\ for a backslash';
    case 'BAD_INDENT':
    case 'BLOCK_AS_IMPLICIT_KEY':
    case 'BLOCK_IN_FLOW':
    case 'BAD_COLLECTION_TYPE':
      return 'is indented so that its place is not clear; expected the same indentation for the keys of one map';
    case 'TAB_AS_INDENT':
      return 'is indented with a tab; expected spaces';
    case 'MISSING_CHAR':
      return 'lacks a character, such as a closing quote or bracket, a comma, or the blank after a colon';
    case 'MULTILINE_IMPLICIT_KEY':
    case 'KEY_OVER_1024_CHARS':
      return 'has a key that does not end on its line; expected key: value';
    case 'NON_STRING_KEY':
      return 'has a key that is not text; expected text';
    case 'DUPLICATE_KEY':
      return 'is given twice; expected once';
    case 'MULTIPLE_DOCS':
      return 'is a second document; expected one';
    case 'BAD_DIRECTIVE':
      return 'is a directive that YAML 1.2 does not know';
    case 'RESOURCE_EXHAUSTION':
      return 'is nested too deep';
    case 'UNEXPECTED_TOKEN':
    case 'IMPOSSIBLE':
      return 'is not YAML here; expected key: value or - item';
  }
}
