#!/usr/bin/perl

# Copyright (C) ngx_selkies authors
# SPDX-License-Identifier: BSD-2-Clause

# The touch gamepad in chromium, under real fingers: what of it reaches the
# desktop's programs, and what beside it reaches the desktop.
# With TEST_SELKIES_SHOTS=FOLDER pictures of it are left there.

use warnings;
use strict;

use Test::More;

use JSON::PP;

use lib 'lib', 't/lib';

use Selkies;
use Selkies::Browser;
use Selkies::Pad;
use Selkies::X;

my $missing = Selkies::Browser->missing('/usr/bin/chromium');

plan(skip_all => $missing) if $missing;

my $t = Selkies->new(x => '1400x900', timeout => 120);
my $folder = $t->dir() . '/pads';

mkdir $folder;
$t->conf(<<'EOC');
%%GLOBALS%%
events {}
http {
    %%GLOBALS_HTTP%%

    server {
        listen %%PORT_0%%;
        include %%WEB%%/../conf/selkies-headers.conf;
        root %%WEB%%;

        location / {
            %%SELKIES%%
            selkies_js_socket_path %%TESTDIR%%/pads;
        }
    }
}
EOC

my $x = $t->x_client();

$t->run();

my $b = Selkies::Browser->new($t, 'chromium', '/usr/bin/chromium');
my @js = map { Selkies::Pad->new($folder, "js$_") } 0, 1;

$_->take(19) for @js;

sub again {
	$b->eval('globalThis.old = true; setTimeout(() => location.reload())');
	ok(wait_for(sub { eval { !$b->eval('return globalThis.old') } }, 10),
		'loaded again');
	live();
}

sub live {
	ok($b->until("globalThis.__selkies && __selkies.state === 'live'
		&& document.getElementById('tools')", 30), 'the page is live');
	$b->eval("globalThis.shaken = [];
		navigator.vibrate = how => { shaken.push([how].flat().join('-')); };");
}

sub open_page {
	my (%o) = @_;

	my $fragment = delete $o{fragment} || '';

	$b->command('open', width => 844, height => 390, mobile => JSON::PP::true,
		%o, url => 'http://localhost:' . $t->port() . "/?probe=1$fragment");
	live();
}

sub shot {
	my ($name) = @_;
	my $to = $ENV{TEST_SELKIES_SHOTS} or return;

	$b->eval('await new Promise(r => setTimeout(r, 400))');
	$b->command('shot', path => "$to/$name.png");
}

my $SHOWN = "document.getElementById('touchgamepad')?.checkVisibility()";
my $OFFER = "document.querySelector('.gamepads-panel > .row > button')";

sub is_loaded {
	return $b->eval("return performance.getEntriesByType('resource')"
		. ".some(one => one.name.endsWith('/touchgamepad.js'))") ? 1 : 0;
}

sub show_it {
	$b->eval($b->button('Gamepads') . '.click()');
	ok($b->until("$OFFER.checkVisibility()"), 'it is offered');
	$b->tap($b->middle('.gamepads-panel > .row > button'));
	ok($b->until($SHOWN), 'and shown');
}

# Where a part of it is, moved by so many pixels, for finger n.

sub at {
	my ($name, $n, $dx, $dy) = @_;
	my $p = $b->middle("#touchgamepad [aria-label=\"$name\"]");

	return [ $p->[0] + ($dx || 0), $p->[1] + ($dy || 0), $n || 0 ];
}

# As many records as wanted, in any order.

sub has {
	my ($js, $want, $name) = @_;
	my $n = () = $want =~ /,/g;

	is(join(', ', sort split /, /, $js->take($n + 1)), $want, $name);
}

# No part is smaller than a finger, out of the page, without a name, or over
# the middle of the picture.

sub lies_well {
	my ($name) = @_;

	is($b->eval("
		const parts = [...document.querySelectorAll('#touchgamepad button')];
		const bad = parts.filter(part => {
			const { left, top, right, bottom, width, height } = part.getBoundingClientRect();
			const x = innerWidth, y = innerHeight;
			return width < 44 || height < 44 || left < 0 || top < 0 || right > x || bottom > y
				|| !part.ariaLabel
				|| left < x * 0.55 && right > x * 0.45 && top < y * 0.6 && bottom > y * 0.4
				|| !part.contains(document.elementFromPoint((left + right) / 2, (top + bottom) / 2));
		});
		return [parts.length, ...bad.map(part => part.ariaLabel)].join();"), '18', $name);
}

###############################################################################
# a phone

open_page(scheme => 'dark');
ok($b->eval("return matchMedia('(pointer: coarse)').matches"), 'a page for fingers');
ok(!is_loaded(), 'it is not loaded before it is wanted');
$b->eval("document.getElementById('handle').click()");
ok($b->until($b->button('Trackpad') . '.checkVisibility()'), 'a toolbar for fingers');
ok(!$b->eval('return ' . $b->button('Game mode') . '.checkVisibility()'),
	'without a mode for mice');
shot('toolbar');
$b->eval($b->button('Gamepads') . '.click()');
ok($b->until("$OFFER.className.includes('main')"), 'offered first of all');
shot('panel-none');
$b->eval($b->button('Gamepads') . '.click()');
show_it();
ok($b->eval("return document.getElementById('panel').hidden"),
	'the panel makes room for it');
lies_well('in landscape everything has its place');
shot('landscape-dark');

###############################################################################
# fingers at once, on it and beside it

my $js = $js[0];

$x->events();
$b->fingers('Start', at('A', 0));
is($js->take(1), 'button 0 1', 'a finger presses a button');
$b->fingers('Start', at('Left stick', 1));
$b->fingers('Move', at('Left stick', 1, 90));
is($js->take(1), 'axis 0 32767', 'another one pushes a stick');
$b->fingers('Start', [ 420, 200, 2 ]);
$b->fingers('End', [ 420, 200, 2 ]);
like($x->wait(qr/^button press/, 3), qr/press 1 .* at 420 200/,
	'a third one beside it clicks on the desktop');
like($x->wait(qr/^button release/, 3), qr/release 1/, 'and only there');
is($js->rest(), '', 'the pad knows nothing of it');
$b->fingers('Move', at('Left stick', 1, -90));
is($js->take(1), 'axis 0 -32767', 'the stick to the other side');
shot('held');
$b->fingers('End', at('Left stick', 1, -90));
is($js->take(1), 'axis 0 0', 'it springs back');
$b->fingers('End');
is($js->take(1), 'button 0 0', 'and the button is let go');
is(join(' ', grep { /button/ } $x->events()), '', 'the desktop heard nothing more');

for ([ 'Left shoulder', 'button 4 1', 'button 4 0' ],
	[ 'Right shoulder', 'button 5 1', 'button 5 0' ],
	[ 'Left trigger', 'axis 2 32767', 'axis 2 -32767' ],
	[ 'Right trigger', 'axis 5 32767', 'axis 5 -32767' ],
	[ 'Back', 'button 6 1', 'button 6 0' ],
	[ 'Start', 'button 7 1', 'button 7 0' ],
	[ 'Home', 'button 8 1', 'button 8 0' ],
	[ 'B', 'button 1 1', 'button 1 0' ],
	[ 'X', 'button 2 1', 'button 2 0' ],
	[ 'Y', 'button 3 1', 'button 3 0' ])
{
	my ($name, @want) = @$_;

	$b->tap(at($name));
	is($js->take(2), join(', ', @want), "$name, however short");
}

# a thumb that slides

$b->fingers('Start', at('Up', 0, 30, 10));
has($js, 'axis 6 32767, axis 7 -32767', 'between two directions are both');
$b->fingers('Move', at('Left'));
has($js, 'axis 6 -32767, axis 6 0, axis 7 0', 'over to the third');
$b->fingers('End');
is($js->take(1), 'axis 6 0', 'and off');
$b->fingers('Start', at('A'));
is($js->take(1), 'button 0 1', 'from one button');
$b->fingers('Move', at('B'));
has($js, 'button 0 0, button 1 1', 'to the next');
$b->fingers('End');
is($js->take(1), 'button 1 0', 'and off');

# sticks

$b->fingers('Start', at('Right stick', 0, 10, 10));
$b->fingers('Move', at('Right stick', 0, 10, -90));
is($js->take(1), 'axis 4 -32767', 'the middle is where the finger was put');
$b->fingers('End');
is($js->take(1), 'axis 4 0', 'let go');

my $then = time() - 1;

$b->tap_at($then, at('Left stick'));
is($js->rest(), '', 'a tap on a stick is nothing');
$b->tap_at($then + 0.1, at('Left stick'));
is($js->take(2), 'button 9 1, button 9 0', 'the second one presses it');
$b->eval("document.querySelector('#touchgamepad [aria-label=\"Right stick\"]').click()");
is($js->take(2), 'button 10 1, button 10 0', 'so does a screen reader');

###############################################################################
# what is felt

my $ev = Selkies::Pad->new($folder, 'event1000');

like($b->eval('return shaken.join()'), qr/^8(,8)+$/, 'each press is felt');
$b->eval('shaken.length = 0');
$ev->send("F\0" . pack 'S3', 0x8000, 0, 300);
is($b->until('shaken[0]'), '50-50-50-50-50', 'a program shakes it by half');
$ev->send("F\0" . pack 'S3', 0, 0, 0);
is($b->until('shaken[1]'), '0', 'until it stops');
$ev->send("F\0" . pack 'S3', 65535, 0, 60000);
is($b->until('shaken[2]'), '5000', 'for long');
$b->tap(at('A'));
$js->take(2);
is($b->eval('return shaken.length'), 3, 'a press does not end that');

###############################################################################
# everything is let go

sub hold {
	$b->fingers('Start', at('A', 0));
	$b->fingers('Start', at('Left stick', 1));
	$b->fingers('Move', at('Left stick', 1, 90));
	has($js, 'axis 0 32767, button 0 1', 'held');
}

hold();
$b->eval("dispatchEvent(new Event('blur'))");
has($js, 'axis 0 0, button 0 0', 'let go when the page loses the focus');
$b->fingers('Move', at('Left stick', 1, -90));
$b->fingers('End');
is($js->rest(), '', 'fingers that were there do nothing more');

hold();
$b->eval("Object.defineProperty(document, 'visibilityState', { value: 'hidden',
	configurable: true }); document.dispatchEvent(new Event('visibilitychange'))");
has($js, 'axis 0 0, button 0 0', 'when the page is hidden');
$b->eval("delete document.visibilityState;
	document.dispatchEvent(new Event('visibilitychange'))");
$b->fingers('End');
is($js->rest(), '', 'not again when it is seen');

hold();
$b->fingers('Cancel');
has($js, 'axis 0 0, button 0 0', 'when the system takes the fingers');

hold();
$b->eval("document.querySelector('[aria-label=\"Hide the touch gamepad\"]').click()");
has($js, 'axis 0 0, button 0 0', 'when it is hidden');
$b->fingers('End');
show_it();
$b->tap(at('Hide the touch gamepad'));
ok($b->until("!$SHOWN"), 'by a finger, too');
$b->tap([ 60, 300 ]);
like($x->wait(qr/^button press/, 3), qr/press 1 .* at 60 300/,
	'where it was is the desktop again');

###############################################################################
# it comes back where it was

again();
ok(!is_loaded(), 'hidden, it is not loaded again');
show_it();
$b->command('viewport', width => 390, height => 844);
ok($b->until('innerWidth === 390'), 'turned');
lies_well('in portrait everything has its place');
shot('portrait-dark');
$b->eval($b->button('Gamepads') . '.click()');
ok($b->until("document.querySelector('.pad select')?.checkVisibility()"),
	'the panel shows it');
is($b->eval("return document.querySelector('.pad strong').textContent"),
	'Touch gamepad', 'by its name');
shot('panel-touch');
$b->eval("const s = document.querySelector('.pad select'); s.value = '1';
	s.dispatchEvent(new Event('change'))");
$b->eval($b->button('Gamepads') . '.click()');
$b->tap(at('A'));
is($js[1]->take(2), 'button 0 1, button 0 0', 'given to another player');
again();
ok($b->until($SHOWN), 'shown, it is again');

for ([ 320, 568 ], [ 568, 320 ], [ 1024, 768 ]) {
	$b->command('viewport', width => $_->[0], height => $_->[1]);
	ok($b->until("innerWidth === $_->[0]"), "a page of @$_");
	lies_well('everything has its place');
}

$b->command('close');

open_page(width => 390, height => 844, scheme => 'light');
show_it();
shot('portrait-light');
$b->command('viewport', width => 844, height => 390);
ok($b->until('innerWidth === 844'), 'turned');
shot('landscape-light');
$b->fingers('Start', at('A', 0));
is($js->take(1), 'button 0 1', 'held');
$b->command('close');
is($js->take(1), 'button 0 0', 'a page that is closed lets go');

###############################################################################
# players, and mice

open_page(fragment => '#player2');
ok($b->until($SHOWN), 'a player with fingers has it at once');
$b->tap(at('A'));
is($js[1]->take(2), 'button 0 1, button 0 0', 'as that player');
$b->eval("dispatchEvent(Object.assign(new Event('gamepadconnected'),
	{ gamepad: { index: 0, id: 'Real', connected: true } }))");
ok($b->until("!$SHOWN"), 'until there is a real one');
$b->command('close');

open_page(fragment => '#shared');
ok(!is_loaded(), 'who watches has none');
$b->command('close');

open_page(width => 1280, height => 720, mobile => JSON::PP::false,
	fragment => '#player2');
ok(!is_loaded(), 'nor has a player with a mouse');
$b->eval($b->button('Gamepads') . '.click()');
ok($b->until("$OFFER.checkVisibility() && !$OFFER.className.includes('main')"),
	'unless they ask');
shot('panel-desktop');
$b->eval("$OFFER.click()");
ok($b->until($SHOWN), 'shown');
lies_well('everything has its place');
shot('desktop');
$b->command('click', x => at('B')->[0], y => at('B')->[1]);
is($js[1]->take(2), 'button 1 1, button 1 0', 'a mouse can use it');
$b->command('close');

open_page(width => 1000, height => 600, mobile => JSON::PP::false);
$b->eval("document.getElementById('handle').click()");
ok($b->until($b->button('Game mode') . '.checkVisibility()'),
	'with a mouse there is a mode for it');
is(join("\n", @{ $b->command('problems') }), '', 'no problem of any page');
$b->command('close');

$b->quit();
$t->done();
