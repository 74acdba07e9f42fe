#!/usr/bin/perl

# Copyright (C) ngx_selkies authors
# SPDX-License-Identifier: BSD-2-Clause

# Input methods, cursors and fingers in chromium: what of it an X client gets.
# With TEST_SELKIES_SHOTS=FOLDER pictures of the keys for fingers are left there.

use warnings;
use strict;
use utf8;

use Test::More;

use Encode qw/ decode_utf8 /;

use lib 'lib', 't/lib';

use Selkies;
use Selkies::Browser;
use Selkies::X;

binmode $_, ':utf8' for Test::More->builder->output,
	Test::More->builder->failure_output;

my $missing = Selkies::Browser->missing('/usr/bin/chromium');

plan(skip_all => $missing) if $missing;

my $t = Selkies->new(x => '2560x1600', timeout => 150);

$t->conf(<<'EOC');
%%GLOBALS%%
events {}
http {
    %%GLOBALS_HTTP%%

    server {
        listen %%PORT_0%%;
        include %%WEB%%/../conf/selkies-headers.conf;
        location / { root %%WEB%%; %%SELKIES%% }
    }
}
EOC

my $x = $t->x_client();

$x->tell('compose');
$x->tell('cursor 68');
$t->run();

my $b = Selkies::Browser->new($t, 'chromium', '/usr/bin/chromium');
my $page;

sub open_page {
	my (%o) = @_;

	$b->command('close') if defined $page;
	$page = $b->command('open', width => 800, height => 600, dpr => 1, %o,
		url => 'http://localhost:' . $t->port() . '/?probe=1');
	ok($b->until("globalThis.__selkies && __selkies.state === 'live'
		&& document.activeElement.id === 'keys'", 20), 'the page is live');

	my $size = sprintf '%dx%d', ($o{width} || 800) * ($o{dpr} || 1),
		($o{height} || 600) * ($o{dpr} || 1);

	ok(wait_for(sub { $x->size() eq $size }, 8), "X has $size");
	$x->events();
}

sub text_is {
	my ($want, $name) = @_;
	my $text = '';

	while (length $text < length $want) {
		my $line = $x->wait(qr/^text /, 4) or last;
		$text .= decode_utf8(pack 'H*', $line =~ /^text (\w+)/);
	}

	is($text, $want, $name);
}

sub buttons_are {
	my ($want, $name) = @_;
	my @seen;

	for (split ' ', $want) {
		my $line = $x->wait(qr/^button/, 4) or last;
		push @seen, join ':', $line =~ /^button (.)\w+ (\d+)/;
	}

	is("@seen", $want, $name);
}

sub at_is {
	my ($want, $name) = @_;
	my $got;

	ok(wait_for(sub {
		$got = join ',', ($x->pointer())[0, 1];
		return $got eq $want;
	}, 3), $name) or diag("$got, not $want");
}

sub devtools { $b->devtools(@_) }

sub compose {
	my ($text) = @_;

	devtools('Input.imeSetComposition', text => $text,
		selectionStart => length $text, selectionEnd => length $text);
}

# All that a process has started, and that have.

sub processes_of {
	my @found = split ' ', `ps -o pid= --ppid $_[0]`;

	return map { ($_, processes_of($_)) } @found;
}

###############################################################################
# input methods

open_page();
$b->command('click', x => 300, y => 200);
at_is('300,200', 'clicked');
$x->events();

compose($_) for 'に', 'にほ', '日本';

is($b->eval("const box = document.getElementById('keys').getBoundingClientRect();
	return [document.getElementById('keys').className, Math.round(box.left),
		Math.round(box.top), getComputedStyle(
		document.getElementById('keys')).opacity].join()"),
	'composing,300,200,1', 'what is composed is shown at the pointer');
$b->shot('composing');
devtools('Input.insertText', text => '日本');
text_is('日本', 'and typed when it is done');
is($b->eval("return document.getElementById('keys').className"), '',
	'not shown any more');

compose('x');
compose('');
devtools('Input.insertText', text => 'é');
text_is('é', 'given up, then what a dead key made');

$b->command('type', text => 'ab');
compose('ㅎ');
compose('하');
devtools('Input.insertText', text => '한');
$b->command('type', text => ' c');
text_is('ab한 c', 'among other keys');

my $long = join '', map { chr 0x5000 + $_ } 0 .. 99;

devtools('Input.insertText', text => "$long.");
$b->command('type', text => '!');
text_is("$long.!", 'long text, and the key behind it');

# a page that loses the keyboard holds nothing

$b->command('down', key => 'Shift');
$b->command('down', key => 'A');
ok(wait_for(sub { 2 == scalar $x->keys() }, 3), 'Shift and a held');
$b->eval("window.dispatchEvent(new Event('blur'))");
ok(wait_for(sub { !$x->keys() }, 3), 'let go when the page loses the focus');
$b->command('up', key => $_) for qw/ A Shift /;

# fullscreen has all keys

is($b->eval("return await new Promise(resolve => {
	navigator.keyboard.lock = async () => { resolve('locked'); };
	document.documentElement.requestFullscreen().catch(e => resolve(String(e)));
	setTimeout(resolve, 5000, 'never'); })"), 'locked',
	'fullscreen locks the keyboard');
$b->eval('await document.exitFullscreen()');

###############################################################################
# a pen is a mouse, once

sub pen {
	my ($type, $x, $y, %more) = @_;

	devtools('Input.dispatchMouseEvent', type => "mouse$type", x => $x,
		y => $y, pointerType => 'pen', %more);
}

$x->events();
pen('Moved', 100, 100);
pen('Pressed', 120, 110, button => 'left', buttons => 1, clickCount => 1);
pen('Moved', 140, 120, button => 'left', buttons => 1);
pen('Released', 150, 130, button => 'left', clickCount => 1);
like($x->wait(qr/^button/, 3), qr/press 1 .* at 120 110/, 'a pen presses');
like($x->wait(qr/^button/, 3), qr/release 1 .* at 150 130/, 'and lets go');
$b->eval("const stage = document.getElementById('stage');
	stage.setPointerCapture = () => undefined;
	for (const [type, buttons] of [['down', 32], ['up', 0]]) {
		stage.dispatchEvent(new PointerEvent('pointer' + type,
			{ pointerType: 'pen', buttons, clientX: 160, clientY: 140 }));
	}");
buttons_are('p:1 r:1', 'so does its eraser');
$b->command('click', x => 170, y => 150);
buttons_are('p:1 r:1', 'and a mouse after it');

###############################################################################
# cursors

sub cursor_is {
	my ($re, $name) = @_;
	my $style;

	ok(wait_for(sub {
		$style = $b->eval("return document.getElementById('stage').style.cursor");
		return $style =~ $re;
	}, 5), $name) or diag(substr $style, -60);
}

$x->tell('sprite 20 20 7 5 20c040');
cursor_is(qr/^url\(.*\) 7 5, default$/, 'the hot spot of a cursor');
$x->tell('cursor -1');
cursor_is(qr/^none$/, 'a program hides it');
$x->tell('sprite 300 200 30 20 20c040');
cursor_is(qr/^url\(.*\) 12 8, default$/, 'a large one is made 128 wide');

for my $case ([ 2, '4 3', 40 ], [ 1.25, '8 4', 30 ], [ 1.5, '6 4', 36 ]) {
	my ($dpr, $spot, $w) = @$case;

	# hot spots that are no whole CSS pixels: 7 and 5 of the stream
	$x->tell('sprite 20 20 7 5 20c040');
	open_page(dpr => $dpr);
	cursor_is(qr/^image-set\(url\(.*\) ${dpr}x\) $spot, default$/,
		"ratio $dpr: the picture is moved, the spot is whole");
}

# one the browser would refuse: a small stream on a large page

open_page();
$x->tell('sprite 128 100 10 20 20c040');
$b->eval("document.getElementById('stage').style.zoom = '1'");
cursor_is(qr/^url/, 'a cursor that fits');
$b->eval("return await new Promise(r => { const s = document.getElementById('stage');
	s.style.inset = '0'; s.style.width = '1600px'; s.style.height = '1200px';
	requestAnimationFrame(() => requestAnimationFrame(r)); })");
cursor_is(qr/^none$/, 'one that is shown too large is drawn');
$b->command('move', x => 400, y => 300);
ok($b->until("(() => { const c = document.getElementById('cursor');
	return c && !c.hidden; })()"), 'over the picture');

###############################################################################
# fingers

sub fingers { $b->fingers(@_) }

sub tap { $b->tap(@_) }

sub open_phone {
	open_page(width => 390, height => 844, mobile => JSON::PP::true(), @_);
}

$x->tell('sprite 20 20 4 4 20c040');
open_phone(scheme => 'dark');
is($b->eval("return document.getElementById('keys').inputMode"), 'none',
	'no keyboard before it is called');
tap([ 100, 300 ]);
buttons_are('p:1 r:1', 'a tap is a click');
at_is('100,300', 'where it was');

fingers('Start', [ 50, 400 ]);
fingers('Move', [ 50 + 10 * $_, 400 ]) for 1 .. 5;
like($x->wait(qr/^button press/, 3), qr/press 1 .* at 50 400/, 'a drag');
fingers('End');
like($x->wait(qr/^button release/, 3), qr/release 1 .* at 100 400/,
	'to its end');

fingers('Start', [ 120, 330 ]);
buttons_are('p:3 r:3', 'a long press is a right click');
fingers('End');

tap([ 100, 300 ], [ 160, 300 ]);
buttons_are('p:3 r:3', 'so is a tap of two');

fingers('Start', [ 100, 500 ], [ 180, 500 ]);
fingers('Move', [ 100, 500 - 8 * $_ ], [ 180, 500 - 8 * $_ ]) for 1 .. 12;
fingers('End');
buttons_are('p:5 r:5 p:5 r:5', 'two fingers scroll');

# a tap ends what they have flung, and is the last that is heard of it

tap([ 60, 600 ]);
ok($x->wait(qr/^button release 1/, 4), 'a tap stops what goes on by itself');
is(join(' ', grep { /button/ } $x->events()), '', 'at once');

# the view alone: nothing of it is heard on the desktop

sub box {
	return $b->eval("const b = document.getElementById('screen')
		.getBoundingClientRect();
		return [b.left, b.top, b.width, b.height].map(Math.round).join()");
}

fingers('Start', [ 150, 400 ], [ 240, 400 ]);
fingers('Move', [ 150 - 10 * $_, 400 ], [ 240 + 10 * $_, 400 ]) for 1 .. 8;
fingers('End');
cmp_ok((split /,/, box())[2], '>', 700, 'fingers that part magnify')
	or diag(box());
is(join(' ', grep { /button/ } $x->events()), '', 'no button comes of it');
$b->shot('magnified');
tap([ 195, 400 ]);
buttons_are('p:1 r:1', 'a tap in what is magnified');

my ($left, $top, $width) = split /,/, box();
my $want = int((195 - $left) * 390 / $width);

ok(wait_for(sub { abs(($x->pointer())[0] - $want) <= 1 }, 3),
	"hits what is under it: $want") or diag(join ',', $x->pointer());
fingers('Start', [ 20, 400 ], [ 370, 400 ]);
fingers('Move', [ 20 + 20 * $_, 400 ], [ 370 - 20 * $_, 400 ]) for 1 .. 8;
fingers('End');
is(box(), '0,0,390,844', 'and closed again');

# a keyboard and its bar

for my $scheme (qw/ dark light /) {
	open_phone(scheme => $scheme) if $scheme eq 'light';
	tap([ 100, 300 ], [ 160, 300 ], [ 220, 300 ]);
	ok($b->until("!document.getElementById('keybar').hidden
		&& document.getElementById('keys').inputMode === ''
		&& document.activeElement.id === 'keys'"),
		"$scheme: three fingers call the keyboard");
	is($b->eval("return [...document.querySelectorAll('#keybar button')].filter(
		b => b.offsetParent && (b.offsetHeight < 44 || b.offsetWidth < 44))
		.map(b => b.textContent).join()"), '', 'its keys are no smaller than fingers');
	$b->shot("keybar-$scheme");
}

sub key_at {
	my ($name) = @_;

	return $b->middle("#keybar [aria-label=\"$name\"]");
}

$x->events();
tap(key_at('Control'));
is($b->eval("return document.querySelector('#keybar [aria-label=Control]')
	.getAttribute('aria-pressed')"), 'true', 'Control is on');
$b->shot('keybar-control');
devtools('Input.insertText', text => 'c');
ok($x->wait(qr/^key press \d+ 0x63 state 0x4/, 3), 'for the next letter');
devtools('Input.insertText', text => 'd');
ok($x->wait(qr/^key press \d+ 0x64 state 0x0/, 3), 'and no other');

tap(key_at('Alt')) for 1, 2;
ok($b->until("document.querySelector('#keybar [aria-label=Alt]')
	.classList.contains('locked')"), 'a double tap locks');
tap(key_at('Tab')) for 1, 2;
ok($x->wait(qr/^key press \d+ 0xff09 state 0x8/, 3), 'Alt and Tab') for 1, 2;
tap(key_at('Alt'));
ok(wait_for(sub { !$x->keys() }, 3), 'until it is tapped again');

fingers('Start', key_at('Left'));
ok($x->wait(qr/^key press \d+ 0xff51/, 3), 'a key of the bar that is held')
	for 1 .. 2;
fingers('End');
ok(wait_for(sub { !$x->keys() }, 3), 'repeats until it is let go');

tap(key_at('More keys'));
tap(key_at('F5'));
ok($x->wait(qr/^key press \d+ 0xffc2/, 3), 'function keys');
$b->shot('keybar-functions');

# words grow as a soft keyboard composes them

$x->events();
compose($_) for 'h', 'he', 'hel';
text_is('hel', 'the letters of a word come one by one');
compose('help');
devtools('Input.insertText', text => 'help ');
text_is('p ', 'the rest when it is done');

tap(key_at('Hide the keyboard'));
ok($b->until("document.getElementById('keybar').hidden
	&& document.getElementById('keys').inputMode === 'none'"),
	'keyboard and bar go together');

# a trackpad

ok($b->push_button('Trackpad'), 'the button of the trackpad');
fingers('Start', [ 300, 700 ]);
fingers('Move', [ 300 - 4 * $_, 700 - 4 * $_ ]) for 1 .. 20;
fingers('End');
ok(wait_for(sub { my @at = $x->pointer(); $at[0] < 195 && $at[1] < 500 }, 3),
	'a trackpad pushes the pointer') or diag(join ',', $x->pointer());

my @at = ($x->pointer())[0, 1];

like($b->eval("const c = document.getElementById('cursor').getBoundingClientRect();
	return document.getElementById('cursor').hidden ? 'hidden'
		: [c.left + 4, c.top + 4].map(Math.round).join()"), qr/^$at[0],$at[1]$/,
	'which is drawn where it is');
$x->events();
tap([ 50, 800 ]);
buttons_are('p:1 r:1', 'a tap clicks');
is(join(',', ($x->pointer())[0, 1]), "$at[0],$at[1]", 'where the pointer is');

$b->shot('trackpad');
$b->eval("document.getElementById('handle').click()");
$b->shot('toolbar');

is(join("\n", @{ $b->command('problems') }), '', 'no problem of the page');

###############################################################################
# a browser that is killed holds nothing any more

open_page();
$b->command('move', x => 200, y => 200);
$b->command('down', key => $_) for qw/ Shift A /;
devtools('Input.dispatchMouseEvent', type => 'mousePressed', x => 200, y => 200,
	button => 'left', buttons => 1, clickCount => 1);
ok(wait_for(sub {
	return 2 == scalar $x->keys() && hex(($x->pointer())[2]) & 0x100;
}, 3), 'Shift, A and a button held');

my @processes = processes_of($b->{pid});
my $start = now_ms();
my $ended;

# the kernel takes its time to end so many processes: the connection is there
# until the one that has it is gone

sub running { $t->read_file("/proc/$_[0]/stat") =~ /\) [^ZX]/ }

kill 'KILL', @processes;
ok(wait_for(sub {
	$ended = now_ms() unless defined $ended || grep { running($_) } @processes;

	return !$x->keys() && !(hex(($x->pointer())[2]) & 0x100);
}, 5), 'kill -9 of the browser lets go of all');

my $ms = now_ms() - $start;
my $after = defined $ended ? $start + $ms - $ended : 0;

note(sprintf 'released after %.0f ms, %.0f ms after its end', $ms, $after);
cmp_ok($after, '<', 100 * slower(), 'within 100 ms of its end');
cmp_ok($ms, '<', 500 * slower(), 'soon');

$b->quit();
$t->done();
