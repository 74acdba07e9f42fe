#!/usr/bin/perl

# Copyright (C) ngx_selkies authors
# SPDX-License-Identifier: BSD-2-Clause

# Keyboard and pointer as an X client sees them: layouts, levels, keysyms no
# layout has, wheel edges, clamping, and the release of what a client holds.

use warnings;
use strict;

use Test::More;

use lib 'lib', 't/lib';

use Selkies;
use Selkies::WebSocket;
use Selkies::X;

my $t = Selkies->new(x => '1280x720', timeout => 90);

$t->simple();

my $x = $t->x_client();

$t->run();

my $c = Selkies::WebSocket->controller($t, 800, 600);

my %MODIFIER = map { $_ => 1 } 0xffe1 .. 0xffee, 0xfe03, 0xff7e;

###############################################################################

# Sends messages, returns key events up to n presses of other keys than
# modifiers and their releases, as "press 61".

sub keys_of {
	my ($n, @messages) = @_;

	$x->events();
	$c->send_text(@messages);

	my (@seen, $down, $up);

	$down = $up = 0;

	while ($down < $n || $up < $n) {
		my $line = $x->wait(qr/^key /, 3) or last;
		my ($what, $code, $sym, $state) = $line
			=~ /^key (\w+) (\d+) 0x(\w+) state 0x(\w+)/;

		push @seen, { what => $what, code => $code, sym => hex $sym,
			state => hex $state, line => $line };
		next if $MODIFIER{ hex $sym };

		$what eq 'press' ? $down++ : $up++;
	}

	return @seen;
}

sub pressed {
	return join ' ', map { sprintf '%x', $_->{sym} }
		grep { $_->{what} eq 'press' && !$MODIFIER{ $_->{sym} } } @_;
}

sub tap {
	return map { ("kd,$_", "ku,$_") } @_;
}

sub symbols {
	my ($name, @symbols) = @_;

	is(pressed(keys_of(scalar @symbols, tap(@symbols))),
		join(' ', map { sprintf '%x', $_ } @symbols), $name);
}

sub nothing_held {
	my ($name) = @_;

	ok(wait_for(sub { !$x->keys() }, 2), $name) or diag(join ' ', $x->keys());
}

###############################################################################
# the us layout

symbols('us: letters', map { ord } split //, 'hello');
symbols('us: capitals without Shift from the client', map { ord } 'A' .. 'E');
symbols('us: digits and what stands above them',
	map { ord } split //, '1234567890!@#$%^&*()');
symbols('us: the rest of ASCII', map { ord } split //,
	q{-_=+[]{}\\|;:'",<.>/?`~ });
symbols('us: Return, Tab, BackSpace, Escape, Delete', 0xff0d, 0xff09, 0xff08,
	0xff1b, 0xffff);
symbols('us: cursor keys, Home, End, Page', 0xff50 .. 0xff57);
symbols('us: F1 to F12', 0xffbe .. 0xffc9);
nothing_held('us: all released');

my @seen = keys_of(1, 'kd,65505', 'kd,65', 'ku,65', 'ku,65505');

is(join(' ', map { "$_->{what}:" . sprintf '%x', $_->{sym} } @seen, $x->wait(
	qr/^key release.*0xffe1/, 2) ? { what => 'release', sym => 0xffe1 } : ()),
	'press:ffe1 press:41 release:41 release:ffe1',
	'Shift and A as a browser sends them, nothing else');

@seen = keys_of(1, 'kd,65507', 'kd,99', 'ku,99', 'ku,65507');

my ($press) = grep { $_->{sym} == 0x63 } @seen;

is($press && $press->{state} & 4, 4, 'Control is held at Control-C');
nothing_held('released again');

@seen = keys_of(1, 'kd,65505', 'kd,33', 'ku,65505', 'ku,33');
is(pressed(@seen), '21', 'Shift let go before the key');
nothing_held('and the key is not stuck');

# the release names another symbol than the press: the browser remembers the
# one of the keydown, but a lost Shift may change it

my $text = join '', map { chr 97 + $_ % 26 } 1 .. 300;

is(pressed(keys_of(300, tap(map { ord } split //, $text))),
	join(' ', map { sprintf '%x', ord } split //, $text),
	'300 keys keep their order');

###############################################################################
# the german layout

ok($t->x_run('setxkbmap', 'de'), 'setxkbmap de');

symbols('de: y and z', map { ord } split //, 'yzYZ');
symbols('de: umlauts', 0xe4, 0xf6, 0xfc, 0xdf, 0xc4, 0xd6, 0xdc);
symbols('de: the third level', map { ord } split //, '@{[]}\\~|');
symbols('de: shifted', map { ord } split //, q{"$%&/()=?'*;:_>});
symbols('de: euro sign', 0x20ac);
symbols('de: dead keys', 0xfe51, 0xfe50, 0xfe52);
nothing_held('de: all released');

@seen = keys_of(1, 'kd,65027', 'kd,64', 'ku,64', 'ku,65027');
is(pressed(@seen), '40', 'de: AltGr and @ as a browser sends them');
nothing_held('de: AltGr released');

ok($t->x_run('setxkbmap', 'us'), 'setxkbmap us');
symbols('us again', map { ord } split //, 'yz@[');

###############################################################################
# what no key of the layout has

# a legacy keysym may stand for a code point

my %legacy = (0x6f6 => 0x1000416, 0x7e1 => 0x10003b1, 0x7eb => 0x10003bb,
	0x20ac => 0x10020ac);

sub unicode {
	my ($name, $want, @messages) = @_;

	my @got = map { $legacy{ hex $_ } || hex $_ } split ' ',
		pressed(keys_of(scalar @$want, @messages));

	is(join(' ', map { sprintf '%x', $_ } @got),
		join(' ', map { sprintf '%x', $_ } @$want), $name);
}

unicode('Cyrillic, Greek, arrow', [ 0x1000416, 0x10003bb, 0x1002192 ],
	tap(0x1000416, 0x10003bb, 0x1002192));
unicode('a code point beyond the BMP', [ 0x101f600 ], tap(0x101f600));
unicode('an emoji in two halves, as stock clients send it', [ 0x101f600 ],
	'kd,' . 0x100d83d, 'kd,' . 0x100de00, 'ku,' . 0x100d83d,
	'ku,' . 0x100de00);

my @many = map { 0x1004e00 + $_ } 0 .. 39;

unicode('more symbols than spare keycodes', \@many, tap(@many));

# a program that comes late to its events asks for the map as it is by then

kill 'STOP', $x->{pid};
$c->send_text(tap(@many));
select undef, undef, undef, 0.1;
kill 'CONT', $x->{pid};

is(join(' ', map { ($x->wait(qr/^key press/, 5) || '') =~ /0x(\w+)/ } @many),
	join(' ', map { sprintf '%x', $_ } @many), 'nor is a busy program misled');
symbols('the layout is whole after that', map { ord } split //, 'The end.');
nothing_held('all released');

$x->events();
$c->send_text('co,end,Hi, you');
is(join(' ', map { ($x->wait(qr/^key press (?!\d+ 0xffe)/, 2) || '')
	=~ /0x(\w+)/ } 1 .. 7), '48 69 2c 20 79 6f 75', 'co,end types text, commas included');
nothing_held('all released');

###############################################################################
# hostile and malformed

$x->events();
$c->send_text('kd,', 'kd,x', 'kd,99999999999999999999', 'kd,-1', 'kd,0',
	'ku,', 'kd,97,98', 'kd', 'm,', 'm,1', 'm,1,2', 'm,1,2,3', 'm,a,b,c,d',
	'm,1,2,3,4,5', 'm2,', 'm2,99999999999,1,0,0', 'kh,', 'kr,1', "kd,97\0",
	'ku,97', 'm,' . '9' x 4000 . ',1,0,0', 'nonsense', '', ',', '{"a":1}');
ok($c->round_trip(), 'malformed messages do not close the socket');
is(join(' | ', grep { !/^motion/ } $x->events()), '', 'nor press anything');

###############################################################################
# the pointer

sub pointer_is {
	my ($want, $name) = @_;

	my $got;

	ok(wait_for(sub { ($got = join ',', $x->pointer()) eq $want }, 2), $name)
		or diag("$got, not $want");
}

$c->send_text('m,100,50,0,0');
pointer_is('100,50,0x0', 'absolute motion');
$c->send_text('m2,7,-3,0,0');
pointer_is('107,47,0x0', 'relative motion');
$c->send_text('m,100,50,0,0');
pointer_is('100,50,0x0', 'absolute again');
$c->send_text('m,-50,99999,0,0');
pointer_is('0,599,0x0', 'clamped to the picture');
$c->send_text('m,800,600,0,0');
pointer_is('799,599,0x0', 'inclusive edge');
$c->send_text('m2,-2147483648,-2147483648,0,0');
pointer_is('0,0,0x0', 'a huge relative motion saturates');
$c->send_text('m2,5,5,0,0');
pointer_is('5,5,0x0', 'and a small one follows');

sub buttons {
	my ($name, $want, @messages) = @_;

	$x->events();
	$c->send_text(@messages);

	my @want = split ' ', $want;
	my @got;

	while (@got < @want) {
		my $line = $x->wait(qr/^button/, 2) or last;
		push @got, join ':', $line =~ /^button (.)\w* (\d+)/;
	}

	$c->round_trip();
	select undef, undef, undef, 0.05;
	push @got, map { /^button (.)\w* (\d+)/ ? "$1:$2" : () } $x->events();

	is("@got", $want, $name);
}

buttons('left', 'p:1 r:1', 'm,50,50,1,0', 'm,50,50,0,0');
buttons('middle', 'p:2 r:2', 'm,50,50,2,0', 'm,50,50,0,0');
buttons('right', 'p:3 r:3', 'm,50,50,4,0', 'm,50,50,0,0');
buttons('chord', 'p:1 p:3 r:1 r:3', 'm,50,50,1,0', 'm,50,50,5,0',
	'm,50,50,4,0', 'm,50,50,0,0');
buttons('drag holds the button', 'p:1 r:1', 'm,50,50,1,0', 'm,60,50,1,0',
	'm,70,50,1,0', 'm,70,50,0,0');
buttons('wheel down', 'p:5 r:5', 'm2,0,0,8,1', 'm2,0,0,0,1');
buttons('wheel up, three ticks', 'p:4 r:4 p:4 r:4 p:4 r:4', 'm2,0,0,16,3',
	'm2,0,0,0,3');
buttons('wheel left', 'p:6 r:6', 'm2,0,0,64,1', 'm2,0,0,0,1');
buttons('wheel right', 'p:7 r:7', 'm2,0,0,128,1', 'm2,0,0,0,1');
buttons('diagonal wheel: press edges only', 'p:5 r:5 p:6 r:6', 'm2,0,0,8,1',
	'm2,0,0,72,1', 'm2,0,0,64,1', 'm2,0,0,0,1');
buttons('a motion that carries the wheel bit is no tick', 'p:5 r:5',
	'm2,0,0,8,1', 'm,51,50,8,0', 'm2,0,0,0,1');
buttons('wheel while the left button is down', 'p:1 p:4 r:4 r:1',
	'm,50,50,1,0', 'm2,0,0,17,1', 'm2,0,0,1,1', 'm,50,50,0,0');
buttons('a wild magnitude is clamped to 64', join(' ', ('p:4 r:4') x 64),
	'm2,0,0,16,100000', 'm2,0,0,0,1');

is(pressed(keys_of(1, 'm,50,50,8,0', 'm,50,50,0,0')), 'ff51',
	'back is Alt-Left');
is(pressed(keys_of(1, 'm,50,50,16,0', 'm,50,50,0,0')), 'ff53',
	'forward is Alt-Right');
nothing_held('Alt released');

###############################################################################
# what is held is released: kr, a clean end, a lost connection

sub hold {
	$c->send_text('kd,65507', 'kd,97', 'kd,65515', 'm,40,40,1,0');
	ok(wait_for(sub {
		my @k = $x->keys();
		return @k == 3 && hex(($x->pointer())[2]) & 0x100;
	}, 3), 'keys and a button held');
}

hold();
$c->send_text('kr');
nothing_held('kr releases keys');
$c->send_text('m,40,40,0,0');
pointer_is('40,40,0x0', 'the button is up');

my @released;

for my $how (qw/ close drop reset /) {
	hold();

	my $start = now_ms();

	$how eq 'close' ? $c->close()
		: $c->drop($how eq 'reset' ? (reset => 1) : ());
	nothing_held("$how releases keys");
	ok(wait_for(sub { !(hex(($x->pointer())[2]) & 0x1f00) }, 2),
		"$how releases buttons");

	my $ms = now_ms() - $start;

	note(sprintf '%s: released after %.1f ms', $how, $ms);
	cmp_ok($ms, '<', 500 * slower(), "$how: soon");
	push @released, $ms;

	$c = Selkies::WebSocket->controller($t, 800, 600);
}

cmp_ok(percentile(50, @released), '<', 100 * slower(), 'within 100 ms');

###############################################################################
# before a claim, and as a viewer, nothing happens

my $v = Selkies::WebSocket->viewer($t);

hold();
$x->events();

my @before = ($x->keys(), $x->pointer());

$v->send_text('kd,98', 'm,10,10,1,0', 'm2,50,50,2,0', 'm2,0,0,8,1', 'ku,65507',
	'ku,97', 'kr', 'co,end,evil', 'kd,65307', 'kh,98');
ok($v->round_trip(), 'a viewer may say it all');
is(join(' | ', $x->events()), '', 'and no X event comes of it');
is(join(' ', $x->keys(), $x->pointer()), "@before",
	'what the controller holds stays held');
$v->close();
is(join(' ', $x->keys(), $x->pointer()), "@before",
	'also when the viewer goes');
$c->send_text('kr', 'm,40,40,0,0');
nothing_held('the controller lets go');

###############################################################################
# message -> X event

my @us;

for (1 .. 50) {
	$x->events();

	my $start = monotonic_us();

	$c->send_text('kd,97');
	$x->wait(qr/^key press/, 2);
	push @us, monotonic_us() - $start;
	$c->send_text('ku,97');
	$x->wait(qr/^key release/, 2);
}

note(sprintf 'message -> X event seen by its client: p50 %.2f ms, p95 %.2f ms',
	percentile(50, @us) / 1000, percentile(95, @us) / 1000);
cmp_ok(percentile(50, @us), '<', 50_000 * slower(), 'input is prompt');

$c->close();
$t->done();
