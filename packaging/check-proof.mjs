// Checks a proof of Daybook (`daybook prove ID --to proof.json`) with nothing but Node: `node check-proof.mjs proof.json [public-key.pem]`.
// Give the public key from elsewhere, if you have it: the one in the proof only shows that the proof agrees with itself.
// Exit 0 and the message's hash, or 1 and what is wrong. docs/evidence.md does the same with sha256sum and openssl.
import { createHash, createPublicKey, verify } from 'node:crypto';
import { readFileSync } from 'node:fs';

const [proofFile, keyFile] = process.argv.slice(2);
const proof = JSON.parse(readFileSync(proofFile, 'utf8'));
const sha256 = (...pieces) => createHash('sha256').update(Buffer.concat(pieces)).digest();
const check = (holds, text) => {
  if (holds) return;
  process.stdout.write(`WRONG: ${text}\n`);
  process.exit(1);
};
check(proof.format === 'daybook-proof/1', 'not a proof of this format');

// 1. The bytes are those that were received.
const bytes = Buffer.from(proof.bytes, 'base64');
const digest = sha256(bytes).toString('hex');
check(digest === proof.received.sha256, 'the bytes do not have the hash that was recorded');

// 2. The record says so: SHA-256 over its header and facts, in which the hash of the bytes stands.
const record = Buffer.from(proof.record.bytes, 'base64');
check(sha256(record).toString('hex') === proof.record.hash, 'the record does not have its hash');
const facts = JSON.parse(record.subarray(96).toString('utf8'));
check(facts.sha256 === digest && facts.size === bytes.length, 'the record is about other bytes');
check(
  record.readUIntBE(12, 6) === proof.record.seq && proof.record.seq === proof.inclusion.index + 1,
  'the record has another number',
);

// 3. The record is in the tree (RFC 9162 section 2.1.3.2).
let [at, last] = [proof.inclusion.index, proof.inclusion.size - 1];
let root = sha256(Buffer.from([0]), Buffer.from(proof.record.hash, 'hex'));
check(at <= last, 'the record is beyond the tree');
for (const node of proof.inclusion.path.map((hex) => Buffer.from(hex, 'hex'))) {
  check(last > 0, 'the path is too long');
  if (at % 2 === 1 || at === last) {
    root = sha256(Buffer.from([1]), node, root);
    while (at % 2 === 0 && at !== 0) [at, last] = [at / 2, Math.floor(last / 2)];
  } else root = sha256(Buffer.from([1]), root, node);
  [at, last] = [Math.floor(at / 2), Math.floor(last / 2)];
}
check(last === 0, 'the path is too short');

// 4. The tree is that of the signed head, and the head is signed by the key (Ed25519).
const { head } = proof;
check(root.toString('hex') === head.root && proof.inclusion.size === head.size, 'the path leads to another tree');
const publicKey = createPublicKey(keyFile === undefined ? proof.publicKey : readFileSync(keyFile, 'utf8'));
const text = `daybook signed head v1\nlog ${head.log}\nsize ${head.size}\nroot ${head.root}\nat ${new Date(head.at).toISOString()}\n`;
check(
  verify(null, Buffer.from(text), publicKey, Buffer.from(head.signature, 'base64')),
  'the head is not signed by this key',
);

process.stdout.write(
  `right: ${bytes.length} bytes, sha256 ${digest}, received ${new Date(facts.receivedAt).toISOString()}, record ${proof.record.seq} of ${head.size}\n`,
);
