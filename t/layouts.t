#!/usr/bin/perl

# Copyright (C) ngx_selkies authors
# SPDX-License-Identifier: BSD-2-Clause

# Layouts of the server and what people type into them: what arrives in an X
# client that reads text as programs do, through Xlib's input method.  Browsers
# send Unicode keysyms, stock clients the older ones where there are some.

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

my $t = Selkies->new(x => '1280x720', timeout => 150);

$t->simple();

my $x = $t->x_client();

$x->tell('compose');
$t->run();

my $c = Selkies::WebSocket->controller($t, 800, 600);

use constant {
	SHIFT => 0xffe1, CONTROL => 0xffe3, ALT => 0xffe9, SUPER => 0xffeb,
	LEVEL3 => 0xfe03, CAPS => 0xffe5, NUM => 0xff7f,
};

# the older number of a character, if it has one

my %old;

open my $f, '<', '/usr/include/X11/keysymdef.h' or die "keysymdef.h: $!\n";

while (<$f>) {
	next unless m!^#define XK_\w+\s+0x([0-9a-f]+)\s+/\* U\+([0-9A-F]+) !;
	$old{ hex $2 } = hex $1 if hex $1 < 0x2100;
}

close $f;

###############################################################################

sub keysym {
	my ($char) = @_;
	my $code = ord $char;

	return $code < 0x100 ? $code : 0x1000000 + $code;
}

sub tap { return map { ("kd,$_", "ku,$_") } @_ }

# What is typed with the messages: n characters, as many as come.

sub typed {
	my ($n, @messages) = @_;
	my $text = '';

	$x->events();
	$c->send_text(@messages);

	while (length $text < $n) {
		my $line = $x->wait(qr/^text /, 4) or last;
		$text .= decode_utf8(pack 'H*', $line =~ /^text (\w+)/);
	}

	return $text;
}

sub types {
	my ($name, $want, @messages) = @_;

	is(typed(length $want, @messages), $want, $name);
}

# A set of characters in every way they can come.

sub set {
	my ($layout, $name, $set) = @_;

	my @chars = split //, $set;

	types("$layout: $name", $set, tap(map { keysym($_) } @chars));
	types("$layout: $name, by their older names", $set,
		tap(map { $old{ ord $_ } || keysym($_) } @chars))
		if grep { ($old{ ord $_ } || 0) > 0xff } @chars;
	types("$layout: $name, Shift held", $set, 'kd,' . SHIFT,
		tap(map { keysym($_) } @chars), 'ku,' . SHIFT);
	types("$layout: $name, AltGr held", $set, 'kd,' . LEVEL3,
		tap(map { keysym($_) } @chars), 'ku,' . LEVEL3);
	types("$layout: $name, as text", $set, encode_utf8("co,end,$set"));

	for my $lock ([ 'CapsLock', CAPS, 2 ], [ 'NumLock', NUM, 16 ]) {
		$c->send_text(tap($lock->[1]));
		types("$layout: $name, $lock->[0] on", $set,
			tap(map { keysym($_) } @chars));
		is(locks() & $lock->[2], $lock->[2], "$layout: $lock->[0] is on still");
		$c->send_text(tap($lock->[1]));
		ok(wait_for(sub { locks() == 0 }, 2), "$layout: $lock->[0] is off");
	}
}

sub layout {
	my ($layout) = @_;

	return $t->x_run('setxkbmap', $layout);
}

sub locks { return hex(($x->ask('locks', qr/^locks/) =~ /0x(\w+)/)[0]) }

sub nothing_held {
	my ($name) = @_;

	ok(wait_for(sub { !$x->keys() }, 2), $name) or diag(join ' ', $x->keys());
}

# Keysyms of the keys that went down, without modifiers, with the modifiers
# there were.

sub presses {
	my ($n, @messages) = @_;
	my @seen;

	$x->events();
	$c->send_text(@messages);

	while (@seen < $n) {
		my $line = $x->wait(qr/^key press/, 3) or last;
		my ($sym, $state) = $line =~ /0x(\w+) state 0x(\w+)/;

		next if hex $sym >= 0xffe1 && hex $sym <= 0xffee || hex $sym == LEVEL3;
		push @seen, sprintf '%x:%x', hex $sym, hex($state) & 0x4d;
	}

	return "@seen";
}

###############################################################################

my $ascii = join '', map { chr } 0x21 .. 0x7e;

my %letters = (
	us => [ 'plain', 'naïve façade ¿señor?' ],
	de => [ 'plain', 'äöüßÄÖÜ§°', 'third level', '@€{[]}\\~|µ²³' ],
	fr => [ 'plain', 'éèçàùÉÈÇÀÙ§°£µ¨²', 'third level', '~#{[|`\\^@]}€¤' ],
	it => [ 'plain', 'àèéìòùç°§£', 'third level', '@#[]{}€' ],
	es => [ 'plain', 'ñÑçÇºª¡¿·', 'third level', '|@#~€¬[]{}\\' ],
	jp => [ 'plain', '¥_\\|', 'kana', 'アイウエオ、。「」' ],
	ru => [ 'plain', 'йцукенгшщзхъфывапролджэячсмитьбюё',
		'capitals', 'ЙЦУКЕНГШЩЗХЪФЫВАПРОЛДЖЭЯЧСМИТЬБЮЁ№' ],
	gr => [ 'plain', 'ςερτυθιοπασδφγηξκλζχψωβνμ',
		'capitals', 'ΕΡΤΥΘΙΟΠΑΣΔΦΓΗΞΚΛΖΧΨΩΒΝΜ', 'third level', '€«»' ],
	ara => [ 'plain', 'ضصثقفغعهخحجدشسيبلاتنمكطئءؤرىةوزظ',
		'shifted', 'ًٌٍَُِّْ؟؛،' ],
	br => [ 'plain', 'çÇáéíóúâêôãõàüª', 'third level', '¹²³£¢¬§' ],
);

# what dead keys of the layout make in the browser, whose result is sent

my %composed = (us => 'éüñ', de => 'âéè', fr => 'âëïñ', it => 'ñâ',
	es => 'áéíóúüâà', jp => 'ā', ru => 'ѐѝ', gr => 'άέήίόύώϊΐ', ara => 'آأإ',
	br => 'ÁÀÂÃÜ');

for my $layout (qw/ us de fr it es jp ru gr ara br /) {
	ok(layout($layout), "setxkbmap $layout");

	types("$layout: ASCII", $ascii, tap(map { ord } split //, $ascii));

	my @sets = @{ $letters{$layout} };

	while (@sets) {
		my ($name, $set) = splice @sets, 0, 2;
		set($layout, $name, $set);
	}

	types("$layout: composed in the browser", $composed{$layout},
		tap(map { keysym($_) } split //, $composed{$layout}));
	types("$layout: CJK and emoji", '日本語한국😀🚀',
		tap(map { keysym($_) } split //, '日本語한국😀🚀'));

	is(presses(4, 'kd,' . CONTROL, tap(map { ord } split //, 'cvzA'),
		'ku,' . CONTROL), '63:4 76:4 7a:4 41:' . ($layout =~ /^(ru|gr|ara)$/
		? '4' : '5'), "$layout: shortcuts");
	nothing_held("$layout: nothing is held");
}

# Older programs get the keysyms of the layout: its own keys are used, not
# spare ones, or typing would be slow and games deaf.

for my $layout ([ ru => 'фыва' ], [ gr => 'ασδφ' ], [ ara => 'شسيب' ]) {
	layout($layout->[0]);

	my @keysyms = map { keysym($_) } split //, $layout->[1];
	my @codes;

	$x->events();
	$c->send_text(tap(@keysyms));
	push @codes, ($x->wait(qr/^key press/, 3) || '') =~ /press (\d+)/ for 1 .. 4;
	is("@codes", '38 39 40 41', "$layout->[0]: keys of the layout are used");
}

###############################################################################
# dead keys and Compose, if it is the desktop that composes

layout('us');
types('dead acute and e', 'é', tap(0xfe51, ord 'e'));
types('dead diaeresis and capital U', 'Ü', tap(0xfe57, ord 'U'));
types('Compose, quote, a', 'ä', tap(0xff20, ord '"', ord 'a'));
layout('de');
types('de: dead circumflex twice', '^', tap(0xfe52, 0xfe52));
types('de: dead grave and a', 'à', tap(0xfe50, ord 'a'));
layout('fr');
types('fr: dead circumflex and o', 'ô', tap(0xfe52, ord 'o'));

###############################################################################
# shortcuts in other scripts, as a browser on Windows or Linux sends them, and
# with Command, which a browser on a Mac sends as Control

layout('us');
is(presses(3, 'kd,' . CONTROL, tap(keysym('с'), keysym('м'), 0x6d1),
	'ku,' . CONTROL), '63:4 76:4 7a:4', 'Ctrl and Cyrillic letters');
is(presses(1, 'kd,' . ALT, tap(keysym('а')), 'ku,' . ALT), '66:8',
	'Alt and a Cyrillic letter');
is(presses(1, 'kd,' . SUPER, tap(keysym('у')), 'ku,' . SUPER), '65:40',
	'Super and a Cyrillic letter');
is(presses(1, 'kd,' . CONTROL, 'kd,' . SHIFT, tap(keysym('М')), 'ku,' . SHIFT,
	'ku,' . CONTROL), '56:5', 'Ctrl, Shift and a Cyrillic capital');
types('the letters themselves again', 'смя', tap(map { keysym($_) } qw/с м я/));

# Windows sends AltGr as Control and Alt; stock clients may leave these down

layout('de');
types('AltGr after Control and Alt went up', '@€', 'kd,' . CONTROL, 'ku,'
	. CONTROL, 'kd,' . LEVEL3, tap(ord '@', keysym('€')), 'ku,' . LEVEL3);

###############################################################################
# the keypad, with and without NumLock; the keys of media; keys of Japan

layout('us');

my @pad = (0xffb0 .. 0xffb9, 0xffaa, 0xffab, 0xffad, 0xffae, 0xffaf);

types('keypad', '0123456789*+-./', tap(@pad));
is(presses(3, tap(0xff95, 0xff98, 0xff8d)), 'ff95:0 ff98:0 ff8d:0',
	'keypad: Home, Right, Enter');
$c->send_text(tap(NUM));
types('keypad, NumLock on', '0123456789*+-./', tap(@pad));
is(presses(3, tap(0xff95, 0xff98, 0xff8d)), 'ff50:0 ff53:0 ff8d:0',
	'keypad, NumLock on: Home, Right, Enter, and no Shift');
is(locks(), 16, 'NumLock is on still');
$c->send_text(tap(NUM));
ok(wait_for(sub { locks() == 0 }, 2), 'NumLock is off');

my @media = (0x1008ff11 .. 0x1008ff17, 0x1008ff18, 0x1008ff26, 0x1008ff27,
	0x1008ff29, 0x1008ff30, 0x1008ff02, 0x1008ff03);

is(presses(scalar @media, tap(@media)),
	join(' ', map { sprintf '%x:0', $_ } @media), 'media keys');
is(presses(6, tap(0xff13, 0xff14, 0xff61, 0xff63, 0xff67, 0xffc8)),
	'ff13:0 ff14:0 ff61:0 ff63:0 ff67:0 ffc8:0',
	'Pause, ScrollLock, Print, Insert, Menu, F11');
layout('jp');
is(presses(4, tap(0xff22, 0xff23, 0xff27, 0xff2a)),
	'ff22:0 ff23:0 ff27:0 ff2a:0', 'jp: Muhenkan, Henkan, Kana, Hankaku');

###############################################################################
# a key that is held is repeated by X, as itself, also one that no layout has

layout('us');
$x->tell('repeat 150 30');

for my $char ('a', '!', 'ж') {
	my $text = typed(4, 'kd,' . keysym($char));

	$c->send_text('ku,' . keysym($char));
	is($text, $char x 4, "$char is repeated while it is held");
	nothing_held("$char goes up");
}

$x->tell('repeat 660 40');

$c->close();
$t->done();
