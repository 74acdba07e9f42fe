#!/usr/bin/perl

# Copyright (C) ngx_selkies authors
# SPDX-License-Identifier: BSD-2-Clause

# RFC 6455 after the groups 1 to 7 and 10 of the Autobahn suite.  This server
# is no echo: a case that must survive is proved by a ping that is answered
# behind it, any other by the close code.  Every row runs on a socket of its
# own; t/unit has the codec byte by byte.

use warnings;
use strict;

use Test::More;

use lib 'lib', 't/lib';

use Selkies;
use Selkies::WebSocket;

my $t = Selkies->new(x => 0, timeout => 120);

$t->reserve_display();
$t->simple();
$t->run();

use constant ALIVE => 'alive';

my ($CONT, $TEXT, $BINARY, $CLOSE, $PING, $PONG) = (0, 1, 2, 8, 9, 10);

# the frame builder under a shorter name; part: FIN is not set

sub f { Selkies::WebSocket::frame(@_) }
sub part { f($_[0], $_[1], fin => 0, @_[2 .. $#_]) }

# [ name, bytes, expectation, options ]: ALIVE, a close code, a list of them,
# or { pongs => [...] }, { reply => code }.  Bytes as a list go out one by one.

my @cases;

###############################################################################
# 1: messages of all lengths

for my $n (0, 125, 126, 127, 128, 65535, 65536) {
	push @cases, [ "1.1 text of $n", f($TEXT, '*' x $n), ALIVE ];
	push @cases, [ "1.2 binary of $n", f($BINARY, "\x01" x $n), ALIVE ];
}

push @cases, [ '1.1.8 text of 65536 in pieces of 997', f($TEXT, '*' x 65536),
	ALIVE, chop => 997 ];
push @cases, [ '1.2.8 binary of 65536 in pieces of 997',
	f($BINARY, "\x01" x 65536), ALIVE, chop => 997 ];
push @cases, [ '1 non-minimal length, 16 bit', f($TEXT, 'abc', form => 16),
	1002 ];
push @cases, [ '1 non-minimal length, 64 bit', f($TEXT, '*' x 300, form => 64),
	1002 ];

###############################################################################
# 2: ping and pong

my @ten = map { "payload-$_" } 1 .. 10;

push @cases,
	[ '2.1 ping without payload', f($PING, ''), { pongs => [ '' ] } ],
	[ '2.2 ping with text', f($PING, 'Hello, world!'),
		{ pongs => [ 'Hello, world!' ] } ],
	[ '2.3 ping with binary', f($PING, "\x00\xff\xfe\xfd\xfc\xfb\x00\xff"),
		{ pongs => [ "\x00\xff\xfe\xfd\xfc\xfb\x00\xff" ] } ],
	[ '2.4 ping of 125', f($PING, "\xfe" x 125), { pongs => [ "\xfe" x 125 ] } ],
	[ '2.5 ping of 126', f($PING, "\xfe" x 126), 1002 ],
	[ '2.6 ping of 125 octet by octet', f($PING, "\xfe" x 125),
		{ pongs => [ "\xfe" x 125 ] }, chop => 1 ],
	[ '2.7 pong nobody asked for', f($PONG, ''), ALIVE ],
	[ '2.8 the same with payload', f($PONG, 'unsolicited'), ALIVE ],
	[ '2.9 pong, then ping', f($PONG, 'unsolicited') . f($PING, 'x'),
		{ pongs => [ 'x' ] } ],
	[ '2.10 ten pings', join('', map { f($PING, $_) } @ten),
		{ pongs => \@ten } ],
	[ '2.11 ten pings octet by octet', join('', map { f($PING, $_) } @ten),
		{ pongs => \@ten }, chop => 1 ],
	[ '2 pong of 126', f($PONG, 'x' x 126), 1002 ];

###############################################################################
# 3: reserved bits

for my $rsv (1 .. 7) {
	push @cases, [ "3 RSV $rsv in a text", f($TEXT, 'Hello', rsv => $rsv),
		1002 ];
	push @cases, [ "3 RSV $rsv in a binary, behind a text and a ping",
		f($TEXT, 'Hello') . f($PING, 'p')
		. f($BINARY, "\x01", rsv => $rsv), 1002 ];
	push @cases, [ "3 RSV $rsv in a ping", f($PING, '', rsv => $rsv), 1002 ];
	push @cases, [ "3 RSV $rsv in a close", f($CLOSE, '', rsv => $rsv), 1002 ];
}

push @cases, [ '3.4 RSV 4 octet by octet', f($TEXT, 'Hello')
	. f($TEXT, 'Hello', rsv => 4) . f($PING, ''), 1002, chop => 1 ];

###############################################################################
# 4: opcodes

for my $op (3 .. 7, 11 .. 15) {
	push @cases, [ "4 opcode $op", f($op, ''), 1002 ];
	push @cases, [ "4 opcode $op with payload", f($op, 'reserved'), 1002 ];
	push @cases, [ "4 opcode $op behind a text, octet by octet",
		f($TEXT, 'Hello') . f($op, 'x') . f($PING, ''), 1002, chop => 1 ];
}

###############################################################################
# 5: fragments

push @cases,
	[ '5.1 ping in two fragments', part($PING, 'a') . f($CONT, 'b'), 1002 ],
	[ '5.2 pong in two fragments', part($PONG, 'a') . f($CONT, 'b'), 1002 ],
	[ '5.3 text in two fragments', part($TEXT, 'a') . f($CONT, 'b'), ALIVE ],
	[ '5.4 the same, one by one', [ part($TEXT, 'a'), f($CONT, 'b') ], ALIVE ],
	[ '5.5 the same, octet by octet', part($TEXT, 'a') . f($CONT, 'b'), ALIVE,
		chop => 1 ],
	[ '5.6 a ping between', part($TEXT, 'a') . f($PING, 'p') . f($CONT, 'b'),
		{ pongs => [ 'p' ] } ],
	[ '5.7 the same, one by one', [ part($TEXT, 'a'), f($PING, 'p'),
		f($CONT, 'b') ], { pongs => [ 'p' ] } ],
	[ '5.8 the same, octet by octet', part($TEXT, 'a') . f($PING, 'p')
		. f($CONT, 'b'), { pongs => [ 'p' ] }, chop => 1 ],
	[ '5.9 continuation of nothing, FIN', f($CONT, 'x') . f($TEXT, 'a'),
		1002 ],
	[ '5.10 the same, one by one', [ f($CONT, 'x'), f($TEXT, 'a') ], 1002 ],
	[ '5.11 the same, octet by octet', f($CONT, 'x') . f($TEXT, 'a'), 1002,
		chop => 1 ],
	[ '5.12 continuation of nothing, no FIN', part($CONT, 'x')
		. f($TEXT, 'a'), 1002 ],
	[ '5.13 the same, one by one', [ part($CONT, 'x'), f($TEXT, 'a') ], 1002 ],
	[ '5.14 the same, octet by octet', part($CONT, 'x') . f($TEXT, 'a'), 1002,
		chop => 1 ],
	[ '5.15 two, then continuation of nothing', part($TEXT, 'a')
		. f($CONT, 'b') . part($CONT, 'c') . f($TEXT, 'd'), 1002 ],
	[ '5.16 continuations of nothing in pairs', part($CONT, 'a')
		. part($TEXT, 'b') . f($CONT, 'c'), 1002 ],
	[ '5.17 the same with FIN', f($CONT, 'a') . part($TEXT, 'b')
		. f($CONT, 'c'), 1002 ],
	[ '5.18 a text inside a text', part($TEXT, 'a') . f($TEXT, 'b'), 1002 ],
	[ '5.19 five fragments, pings between', part($TEXT, '1')
		. part($CONT, '2') . f($PING, 'p') . part($CONT, '3')
		. part($CONT, '4') . f($PING, 'q') . f($CONT, '5'),
		{ pongs => [ 'p', 'q' ] } ],
	[ '5.20 the same, one by one', [ part($TEXT, '1'), part($CONT, '2'),
		f($PING, 'p'), part($CONT, '3'), part($CONT, '4'), f($PING, 'q'),
		f($CONT, '5') ], { pongs => [ 'p', 'q' ] } ],
	[ '5 empty fragments', part($TEXT, '') . part($CONT, '')
		. f($CONT, ''), ALIVE ],
	[ '5 a binary inside a text', part($TEXT, 'a') . f($BINARY, 'b'), 1002 ],
	[ '5 64 fragments', part($TEXT, 'x') . part($CONT, 'x') x 62
		. f($CONT, 'x'), ALIVE ],
	[ '5 more than 64 fragments', part($TEXT, 'x') . part($CONT, 'x') x 200,
		[ 1002, 1008, 1009 ] ],
	[ '10.1 65536 in fragments of 1300', fragments('*' x 65536, 1300), ALIVE ];

sub fragments {
	my ($data, $size) = @_;

	my @parts = unpack "(a$size)*", $data;
	my $bytes = part($TEXT, shift @parts);
	my $last = pop @parts;

	return $bytes . join('', map { part($CONT, $_) } @parts)
		. f($CONT, $last);
}

###############################################################################
# 6: UTF-8

my $kosme = "\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5";

my @valid = (
	'', "Hello-\xc2\xb5@\xc3\x9f\xc3\xb6\xc3\xa4\xc3\xbc\xc3\xa0\xc3\xa1-UTF-8!!",
	$kosme, "\x00", "\x7f", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80",
	"\xed\x9f\xbf", "\xee\x80\x80", "\xef\xbf\xbd", "\xef\xbf\xbf",
	"\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf", "\xef\xbf\xbe",
	"\xf0\x9f\xbf\xbe", "\xf4\x8f\xbf\xbe", "\xed\x9f\xbf\xee\x80\x80",
);

my @invalid = (
	# 6.3: a surrogate in the middle, 6.4 beyond the last code point
	"$kosme\xed\xa0\x80edited", "$kosme\xf4\x90\x80\x80edited",
	# 6.6: cut sequences
	"\xce", "\xce\xba\xe1", "\xce\xba\xe1\xbd", "$kosme\xce", "\xe1",
	"\xe1\xbd", "\xf0", "\xf0\x90", "\xf0\x90\x80",
	# 6.8: five and six octets
	"\xf8\x88\x80\x80\x80", "\xfc\x84\x80\x80\x80\x80",
	# 6.10, 6.11: the last of each length, beyond U+10FFFF
	"\xf7\xbf\xbf\xbf", "\xfb\xbf\xbf\xbf\xbf", "\xfd\xbf\xbf\xbf\xbf\xbf",
	"\xf4\x90\x80\x80", "\xf5\x80\x80\x80",
	# 6.12: continuation octets alone
	"\x80", "\xbf", "\x80\xbf", "\x80\xbf\x80", "\x80\xbf\x80\xbf",
	join('', map { chr } 0x80 .. 0xbf),
	# 6.13: lonely starts
	join(' ', map { chr } 0xc0 .. 0xdf), join(' ', map { chr } 0xe0 .. 0xef),
	join(' ', map { chr } 0xf0 .. 0xf7), join(' ', map { chr } 0xf8 .. 0xfb),
	"\xfc ", "\xfd ",
	# 6.14: last octet missing
	"\xc0", "\xe0\x80", "\xf0\x80\x80", "\xf8\x80\x80\x80",
	"\xfc\x80\x80\x80\x80", "\xdf", "\xef\xbf", "\xf7\xbf\xbf",
	"\xfb\xbf\xbf\xbf", "\xfd\xbf\xbf\xbf\xbf",
	# 6.16: impossible octets
	"\xfe", "\xff", "\xfe\xfe\xff\xff",
	# 6.17: overlong
	"\xc0\xaf", "\xe0\x80\xaf", "\xf0\x80\x80\xaf", "\xf8\x80\x80\x80\xaf",
	"\xfc\x80\x80\x80\x80\xaf",
	# 6.18: the largest overlong ones
	"\xc1\xbf", "\xe0\x9f\xbf", "\xf0\x8f\xbf\xbf", "\xf8\x87\xbf\xbf\xbf",
	"\xfc\x83\xbf\xbf\xbf\xbf",
	# 6.19: overlong zeros
	"\xc0\x80", "\xe0\x80\x80", "\xf0\x80\x80\x80", "\xf8\x80\x80\x80\x80",
	"\xfc\x80\x80\x80\x80\x80",
	# 6.20, 6.21: surrogates, single and paired
	"\xed\xa0\x80", "\xed\xad\xbf", "\xed\xae\x80", "\xed\xaf\xbf",
	"\xed\xb0\x80", "\xed\xbe\x80", "\xed\xbf\xbf",
	"\xed\xa0\x80\xed\xb0\x80", "\xed\xa0\x80\xed\xbf\xbf",
	"\xed\xad\xbf\xed\xb0\x80", "\xed\xaf\xbf\xed\xbf\xbf",
);

for my $text (@valid) {
	my $name = length $text > 20 ? 'text' : unpack 'H*', $text;

	push @cases, [ "6 valid $name", f($TEXT, $text), ALIVE ];
	push @cases, [ "6 valid $name, a fragment an octet", each_octet($text),
		ALIVE ] if length $text && length $text < 60;
	push @cases, [ "6 valid $name, octet by octet", f($TEXT, $text), ALIVE,
		chop => 1 ];
}

for my $text (@invalid) {
	my $name = length $text > 20 ? 'text ' . unpack 'H12', $text
		: unpack 'H*', $text;

	push @cases, [ "6 invalid $name", f($TEXT, $text), 1007 ];
	push @cases, [ "6 invalid $name, octet by octet", f($TEXT, $text), 1007,
		chop => 1 ];
}

push @cases,
	[ '6.4.1 fails before the last fragment', [ part($TEXT, $kosme),
		part($CONT, "\xf4\x90\x80\x80") ], 1007 ],
	[ '6.4.2 fails at the octet that cannot be', [ part($TEXT,
		"$kosme\xf4"), part($CONT, "\x90") ], 1007 ],
	[ '6.4.3 fails before the frame is whole', substr(f($TEXT,
		"$kosme\xf4\x90\x80\x80" . 'edited'), 0, 6 + 11 + 4), 1007 ],
	[ '6 a cut sequence at the end of the message', [ part($TEXT, "\xce"),
		f($CONT, '') ], 1007 ],
	[ '6 UTF-8 across a ping', part($TEXT, "\xce") . f($PING, 'p')
		. f($CONT, "\xba"), { pongs => [ 'p' ] } ],
	[ '6 binary need not be UTF-8', f($BINARY, "\x01\xff\xfe\xc0"), ALIVE ];

sub each_octet {
	my @octets = split //, $_[0];

	return f($TEXT, $_[0]) if @octets == 1;

	my $first = shift @octets;
	my $last = pop @octets;

	return part($TEXT, $first) . join('', map { part($CONT, $_) } @octets)
		. f($CONT, $last);
}

###############################################################################
# 7: close

sub close_frame { f($CLOSE, pack('n', $_[0]) . (defined $_[1] ? $_[1] : '')) }

push @cases,
	[ '7.1.1 text, then close', f($TEXT, 'Hello') . close_frame(1000),
		{ reply => 1000 } ],
	[ '7.1.2 close twice', close_frame(1000) x 2, { reply => 1000 } ],
	[ '7.1.3 a ping behind the close is not answered', close_frame(1000)
		. f($PING, 'late'), { reply => 1000 } ],
	[ '7.1.4 a text behind the close', close_frame(1000) . f($TEXT, 'x'),
		{ reply => 1000 } ],
	[ '7.1.5 a begun message, then close', part($TEXT, 'x')
		. close_frame(1000) . f($CONT, 'y'), { reply => 1000 } ],
	[ '7.1.6 64 KiB, close, ping', f($TEXT, '*' x 65536)
		. close_frame(1000) . f($PING, ''), { reply => 1000 } ],
	[ '7.3.1 close without payload', f($CLOSE, ''), { reply => 1005 } ],
	[ '7.3.2 close with one octet', f($CLOSE, "\x03"), 1002 ],
	[ '7.3.3 close with a code', close_frame(1000), { reply => 1000 } ],
	[ '7.3.4 close with a reason', close_frame(1000, 'Hello World!'),
		{ reply => 1000 } ],
	[ '7.3.5 close with 123 octets of reason', close_frame(1000, '*' x 123),
		{ reply => 1000 } ],
	[ '7.3.6 close with 124', close_frame(1000, '*' x 124), 1002 ],
	[ '7.5.1 a reason that is not UTF-8', close_frame(1000,
		"$kosme\xed\xa0\x80edited"), [ 1002, 1007 ] ],
	[ '7 close in fragments', part($CLOSE, pack 'n', 1000), 1002 ],
	[ '7 close octet by octet', close_frame(1000, 'bye'), { reply => 1000 },
		chop => 1 ];

for my $code (1000 .. 1003, 1007 .. 1011, 3000, 3999, 4000, 4999) {
	push @cases, [ "7.7 code $code", close_frame($code), { reply => $code } ];
}

for my $code (0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999, 5000, 65535) {
	push @cases, [ "7.9 code $code", close_frame($code), 1002 ];
}

###############################################################################
# mask

push @cases,
	[ 'mask: missing', f($TEXT, 'Hello', mask => undef), 1002 ],
	[ 'mask: missing in a ping', f($PING, '', mask => undef), 1002 ],
	[ 'mask: missing in a close', f($CLOSE, '', mask => undef), 1002 ],
	[ 'mask: zero', f($PING, 'abcdefgh', mask => "\0\0\0\0"),
		{ pongs => [ 'abcdefgh' ] } ];

for my $n (1 .. 9, 15 .. 17, 31 .. 33) {
	my $data = join '', map { chr 65 + $_ % 26 } 1 .. $n;

	push @cases, [ "mask: ping of $n in unequal pieces", f($PING, $data),
		{ pongs => [ $data ] }, chop => 3 ];
}

###############################################################################

sub send_case {
	my ($ws, $bytes, %o) = @_;

	my @pieces = ref $bytes ? @$bytes : ($bytes);

	@pieces = map { unpack "(a$o{chop})*", $_ } @pieces if $o{chop};

	for (@pieces) {
		last unless $ws->send_raw($_);
		Selkies::WebSocket::pump_all(0) if ref $bytes;
	}
}

sub run_case {
	my ($name, $bytes, $want, %o) = @_;

	my $ws = Selkies::WebSocket->new($t);

	if ($ws->status() != 101) {
		fail("$name: no 101");
		return;
	}

	send_case($ws, $bytes, %o);

	if ($want eq ALIVE) {
		ok($ws->round_trip(3), $name);
		$ws->drop();
		return;
	}

	if (ref $want eq 'HASH' && $want->{pongs}) {
		my $n = @{ $want->{pongs} };

		$ws->wait_until(sub { @{ $ws->{pongs} } >= $n }, 3);
		is_deeply($ws->{pongs}, $want->{pongs}, $name);
		$ws->drop();
		return;
	}

	my @codes = ref $want eq 'HASH' ? $want->{reply}
		: ref $want ? @$want : $want;
	my $seen = $ws->wait_close(3);
	my $code = $seen ? $seen->{code} : 'none';
	my $good = grep { $code eq $_ } @codes;

	# an answer to an empty close may say 1000
	$good = 1 if ref $want eq 'HASH' && $want->{reply} == 1005
		&& $code eq 1000;

	# nothing behind the fault is answered
	$good = 0 if grep { $_ ne 'p' } @{ $ws->{pongs} };

	ok($good && $ws->wait_eof(3), $name)
		or diag("close code $code, want @codes; pongs @{ $ws->{pongs} }; "
			. ($ws->{open} ? 'open' : 'closed'));

	$ws->drop();
}

run_case(@$_) for @cases;

cmp_ok(scalar @cases, '>=', 247, 'as many cases as the suite has');

$t->done();
