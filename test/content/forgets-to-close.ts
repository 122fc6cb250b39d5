import { openContentHasher } from '../../src/content/content-hasher.ts';

/** A program of its own: hashes one message and ends, its thread still running. */
const hasher = openContentHasher();
console.log(await hasher.hash(Buffer.from('From: a@b.example\r\nSubject: s\r\n\r\nhello')));
