import { networkInterfaces } from 'node:os';
import { describe, expect, it } from 'vitest';
import { buildSourceRule } from '../../src/config/cidr.ts';
import { isLoopback, lookupAddress, peerAddress, peerGroup } from '../../src/smtp/address.ts';
import { SmtpClient } from '../support/smtp-client.ts';
import { openListener, route } from '../support/smtp-listener.ts';

const hasIpv6 = Object.values(networkInterfaces()).some((list) => list?.some(({ address }) => address === '::1'));

describe('a service address', () => {
  it.each([
    ['Journal@Example.COM', 'Journal@example.com'],
    ['j@MÜNCHEN.de', 'j@xn--mnchen-3ya.de'],
    ['j@XN--MNCHEN-3YA.de', 'j@xn--mnchen-3ya.de'],
    ['j@ex%61mple.com', 'j@ex%61mple.com'],
    ['"a@b"@Example.com', '"a@b"@example.com'],
    ['postmaster', 'postmaster'],
  ])('%s is looked up as %s', (written, looked) => {
    expect(lookupAddress(written)).toBe(looked);
  });
});

describe('a peer', () => {
  it.each([
    ['::ffff:10.0.0.1', '10.0.0.1'],
    ['::FFFF:10.0.0.1', '10.0.0.1'],
    ['FE80::1%eth0', 'fe80::1'],
    ['10.0.0.1', '10.0.0.1'],
  ])('%s is known as %s', (reported, known) => {
    expect(peerAddress(reported)).toBe(known);
  });

  it.each(['journal@example.com/é', 'journal@example.com?é', 'journal@example.com\té', 'journal@é@example.com:x'])(
    '%j is not taken for a shorter one',
    (address) => {
      expect(lookupAddress(address)).toBe(address);
    },
  );

  it('is on this machine with a loopback address only', () => {
    expect(['127.0.0.1', '127.9.9.9', '::1'].every(isLoopback)).toBe(true);
    expect(['128.0.0.1', '10.127.0.1', '::2', '1::1', '127.example'].some(isLoopback)).toBe(false);
  });

  it('is counted by its 64-bit network in IPv6 and by its address in IPv4', () => {
    expect(peerGroup('2001:db8:0:1::5')).toBe(peerGroup('2001:db8::1:ffff:1:2:3'));
    expect(peerGroup('2001:db8:0:1::5')).not.toBe(peerGroup('2001:db8:0:2::5'));
    expect(peerGroup('2001:0db8::1')).toBe(peerGroup('2001:db8:0:0:9:9:9:9'));
    expect(peerGroup('10.0.0.1')).toBe('10.0.0.1');
  });

  it.skipIf(!hasIpv6)('over IPv6 is let in and named like any other', async () => {
    await using fixture = await openListener({ host: '::1' });
    await using client = await SmtpClient.ready(fixture.port, { host: '::1' });
    expect((await client.mail(['journal@example.com'], 'x')).code).toBe(250);
    expect(fixture.deliveries[0]?.transport.peer).toBe('::1');
  });

  it.skipIf(!hasIpv6)('is judged as what it is on a listener for both families', async () => {
    await using fixture = await openListener({ host: '::' });
    const rules = {
      mapped: ['::ffff:127.0.0.1/128'],
      plain: ['127.0.0.1/32'],
      other: ['::/1', '2001:db8::/32', '10.0.0.0/8'],
    };
    for (const [name, ranges] of Object.entries(rules)) {
      fixture.routes.set(`${name}@example.com`, route(name, { sourceAllowed: buildSourceRule(ranges) }));
    }
    await using client = await SmtpClient.ready(fixture.port, { host: '127.0.0.1' });
    await client.command('MAIL FROM:<>');
    const codes = [];
    for (const name of Object.keys(rules)) codes.push((await client.command(`RCPT TO:<${name}@example.com>`)).code);
    expect(codes).toEqual([250, 250, 451]);
  });
});
