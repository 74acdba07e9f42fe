#!/usr/bin/perl

# Copyright (C) ngx_selkies authors
# SPDX-License-Identifier: BSD-2-Clause

# Text to type that takes its time: nothing of it is lost or overtaken by later
# keys, and neither the pointer nor anybody else waits for it.

use warnings;
use strict;
use utf8;

use Test::More;

use Encode qw/ decode_utf8 encode_utf8 /;

use lib 'lib', 't/lib';

use Selkies;
use Selkies::WebSocket;
use Selkies::X;

binmode $_, ':utf8' for Test::More->builder->output,
	Test::More->builder->failure_output;

my $t = Selkies->new(x => '1280x720', timeout => 120);

$t->simple();

my $x = $t->x_client();

$x->tell('compose');
$t->run();

my $c = Selkies::WebSocket->controller($t, 800, 600);

use constant { SHIFT => 0xffe1, CONTROL => 0xffe3, RETURN => 0xff0d };

# Text up to n characters; what came, and whether it was all.

sub text {
	my ($n, $timeout) = @_;
	my $text = '';

	while (length $text < $n) {
		my $line = $x->wait(qr/^text /, $timeout || 5) or last;
		$text .= decode_utf8(pack 'H*', $line =~ /^text (\w+)/);
	}

	return $text;
}

sub says {
	my ($text) = @_;

	$c->send_text(encode_utf8("co,end,$text"));
}

sub tap { return map { ("kd,$_", "ku,$_") } @_ }

sub nothing_held {
	my ($name) = @_;

	ok(wait_for(sub { !$x->keys() }, 2), $name) or diag(join ' ', $x->keys());
}

# characters that no layout has, each once

sub rare {
	my ($n, $first) = @_;

	return join '', map { chr(($first || 0x4e00) + $_) } 0 .. $n - 1;
}

###############################################################################
# more events than the ring of the thread holds

my $long = join ' ', map { "line $_ of a long text," } 1 .. 160;

$x->events();
says($long);
$c->send_text(tap(ord '#'));
is(text(length($long) + 1, 10), "$long#",
	length($long) . ' characters, and the key behind them');

# more symbols than there are spare keys

my $rare = rare(60);

$x->events();
says($rare);
$c->send_text(tap(map { ord } split //, 'done'));
is(text(64), $rare . 'done', '60 symbols that no key has, keys behind them');

$x->events();
$c->send_text(tap(map { 0x1000000 + ord } split //, rare(60, 0x5000)),
	tap(map { ord } split //, 'keys'));
is(text(64), rare(60, 0x5000) . 'keys', 'the same as keys');

# one that has a spare key already, which is the oldest by now

$x->events();
says('α');
is(text(1), 'α', 'a symbol');
$x->events();
says(rare(18, 0x5080));
is(text(18), rare(18, 0x5080), 'and as many as there are keys');
select undef, undef, undef, 0.25;
$x->events();
says('α' . rare(30, 0x50a0) . 'α');
is(text(32), 'α' . rare(30, 0x50a0) . 'α', 'the first one before others');

$x->events();
says('one ');
$c->send_text(tap(0x100d83d, 0x100de00));
says(' 🚀 two');
is(text(11), 'one 😀 🚀 two', 'pairs and whole characters among text');

# line ends; what is no key

$x->events();
says("a\r\nb\nc\r\rd\te\x{1}\x{85}f");
is(text(11), "a\rb\rc\r\rd\tef", 'a line end is one Return');

# Control and Shift stay with the keys

$x->events();
$c->send_text('kd,' . CONTROL);
says('cv');
$c->send_text(tap(ord 'c'), 'ku,' . CONTROL, 'kd,' . SHIFT);
says('a/Z');
$c->send_text('ku,' . SHIFT);

my @seen;

while (@seen < 6) {
	my $line = $x->wait(qr/^key press/, 3) or last;
	my ($sym, $state) = $line =~ /0x(\w+) state 0x(\w+)/;

	push @seen, chr(hex $sym) . (hex($state) & 4 ? '^' : '')
		if hex $sym < 0x100;
}

is("@seen", 'c v c^ a / Z', 'held modifiers are for keys, not for text');
nothing_held('all is up');

###############################################################################
# the pointer does not wait

$x->events();
says(rare(150, 0x5100));
$c->send_text('m,123,45,0,0', 'm,123,45,1,0', 'm,124,45,0,0');

my ($typed, $where) = ('', '');

for ( ;; ) {
	my $line = $x->wait(qr/^(?:text|button)/, 5) or last;

	if ($line =~ /^button press 1 .* at (\d+ \d+)/) {
		$where = $1;
		last;
	}

	$typed .= decode_utf8(pack 'H*', $1) if $line =~ /^text (\w+)/;
}

is($where, '123 45', 'a click lands where it aims');
cmp_ok(length $typed, '<', 100, 'while the text is being typed: after '
	. length($typed) . ' of 150');
$typed .= text(150 - length $typed, 10);
is($typed, rare(150, 0x5100), 'which loses nothing by it');

# what was down before goes up at once, what comes later in its turn

$x->events();
$c->send_text('kd,' . ord 'w');
says(rare(150, 0x5200));
$c->send_text('ku,' . ord 'w', tap(ord 'e'));
is(substr(text(2), 0, 1), 'w', 'a key, then text');
nothing_held('the key goes up at once');
like(text(150, 10), qr/e$/, 'the next one follows the text');

# a shortcut behind a symbol that waits: its Control stays

$x->events();
$c->send_text(tap(map { 0x1000000 + ord } split //, rare(40, 0x5300)),
	'kd,' . CONTROL, 'kd,' . ord 's', 'ku,' . ord 's', 'ku,' . CONTROL,
	'kd,' . SHIFT, 'm,300,200,1,0', 'm,310,210,1,0', 'm,310,210,0,0',
	'ku,' . SHIFT);
ok($x->wait(qr/^key press \d+ 0x73 state 0x4/, 5), 'Control-S');
like($x->wait(qr/^button press/, 5), qr/press 1 state 0x1 at 300 200/,
	'and a click with Shift');
like($x->wait(qr/^button release/, 5), qr/at 310 210/, 'dragged to its end');
nothing_held('all is up');

# nobody else waits

my $second = Selkies::WebSocket->controller($t, 800, 600);

$x->events();
$second->send_text(encode_utf8('co,end,' . rare(200, 0x5400)));
$second->round_trip();
$second->close();
nothing_held('text ends with whoever sent it');
$c = Selkies::WebSocket->controller($t, 800, 600);
$x->events();
$c->send_text(tap(map { ord } split //, 'next'));
like(text(4), qr/next$/, 'and the next one types at once');

###############################################################################
# kr lets go of what is held now, and of what is pressed behind the text

$x->events();
$c->send_text('kd,' . ord 'q', 'm,50,50,1,0');
says(rare(60, 0x5500));
$c->send_text('kd,' . ord 'x', 'kr');
ok(wait_for(sub { !$x->keys() && !(hex(($x->pointer())[2]) & 0x100) }, 1),
	'kr releases at once');
is(text(62), 'q' . rare(60, 0x5500) . 'x', 'the text is typed to its end');
nothing_held('and what came behind it does not stay down');

###############################################################################
# the bound: 64 KiB wait, what is more is refused as a whole

$x->events();
says(rare(20000, 0x5000));
says(rare(20000, 0x5000));
$c->send_text('m,77,66,0,0');
ok(wait_for(sub { join(',', ($x->pointer())[0, 1]) eq '77,66' }, 3),
	'a flood of text leaves the pointer alone');
like($t->read_file('logs/error.log'),
	qr/60000 bytes of text are not typed/, 'what is too much is refused');
unlike($t->read_file('logs/error.log'), qr/\\x|[\x80-\xff]/,
	'without a word of it in the log');
ok($c->round_trip(), 'the socket stays');
$c->drop();
nothing_held('and all of it goes with its client');

$t->done();
