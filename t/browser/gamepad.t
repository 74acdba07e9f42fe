#!/usr/bin/perl

# Copyright (C) ngx_selkies authors
# SPDX-License-Identifier: BSD-2-Clause

# Gamepads of the client in Debian's chromium: a page whose browser says that
# there is one moves the desktop's, shows it, and lets go of it.

use warnings;
use strict;

use Test::More;

use lib 'lib', 't/lib';

use Selkies;
use Selkies::Browser;
use Selkies::Pad;

my $missing = Selkies::Browser->missing('/usr/bin/chromium');

plan(skip_all => $missing) if $missing;

my $t = Selkies->new(x => '1000x600', timeout => 120);
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

    server {
        listen %%PORT_1%%;
        include %%WEB%%/../conf/selkies-headers.conf;
        root %%WEB%%;

        location / {
            %%SELKIES%%
        }
    }
}
EOC
$t->run();

my $b = Selkies::Browser->new($t, 'chromium', '/usr/bin/chromium');

# What a browser would say, and what it was told to do.

my $stand_in = <<'EOC';
	globalThis.pads = [null, null, null, null];
	globalThis.effects = [];
	globalThis.plug = (index, id = 'Xbox 360 Controller (STANDARD GAMEPAD Vendor: 045e Product: 028e)') => {
		pads[index] = { index, id, connected: true, mapping: 'standard',
			axes: [0, 0, 0, 0], timestamp: 0,
			buttons: Array.from({ length: 17 }, () => ({ pressed: false, touched: false, value: 0 })),
			vibrationActuator: {
				playEffect: (type, o) => { effects.push([index, type, o.duration,
					o.strongMagnitude.toFixed(2), o.weakMagnitude.toFixed(2)].join()); return Promise.resolve('complete'); },
				reset: () => { effects.push(index + ',reset'); return Promise.resolve('complete'); } } };
		dispatchEvent(Object.assign(new Event('gamepadconnected'), { gamepad: pads[index] }));
	};
	globalThis.unplug = index => {
		const gamepad = pads[index];
		pads[index] = null;
		dispatchEvent(Object.assign(new Event('gamepaddisconnected'), { gamepad }));
	};
	Object.defineProperty(navigator, 'getGamepads', { value: () => pads, configurable: true });
	return true;
EOC

sub page {
	my ($fragment, $port) = @_;

	$b->command('open', width => 1000, height => 600, url => 'http://localhost:'
		. $t->port($port || 0) . "/?probe=1$fragment");
	ok($b->until("globalThis.__selkies && __selkies.state === 'live'", 30),
		"the page is live$fragment");
	$b->eval($stand_in);
}

sub loaded {
	return $b->eval("return performance.getEntriesByType('resource')"
		. ".some(one => one.name.endsWith('/input/gamepad.js'))") ? 1 : 0;
}

my $button = $b->button('Gamepads');

my @js = map { Selkies::Pad->new($folder, "js$_") } 0 .. 3;

$_->take(19) for @js;

###############################################################################
# the controller

page('');
ok(!loaded(), 'without a gamepad nothing of them is loaded');

ok($b->until("$button.click() ?? true"), 'the button');
ok($b->until("document.querySelector('.gamepads-panel .none')?.checkVisibility()"),
	'the panel says that there is none');
$b->command('shot', path => $ENV{TEST_SELKIES_SHOTS} . '/none.png')
	if $ENV{TEST_SELKIES_SHOTS};

$b->eval('plug(0); return true');
ok($b->until("document.querySelectorAll('.pad').length === 1"), 'one is shown');
is($b->eval("return document.querySelector('.pad strong').textContent"),
	'Xbox 360 Controller', 'by its name');
is($b->eval("return document.querySelector('.pad select').value"), 0,
	'for the first player');

$b->eval('pads[0].buttons[0].value = 1; return true');
is($js[0]->take(1), 'button 0 1', 'its button is the desktop\'s');
$b->eval('pads[0].buttons[0].value = 0; pads[0].axes[0] = -1;'
	. 'pads[0].buttons[7].value = 0.5; return true');
is(join(', ', sort split /, /, $js[0]->take(3)),
	'axis 0 -32767, axis 5 0, button 0 0', 'a stick and a trigger');

my $on = $b->until("Math.abs(Number(getComputedStyle("
	. "document.querySelectorAll('.pad .key')[7]).getPropertyValue('--on')) - 0.5) < 0.01");

ok($on, 'the panel shows what it does');
$b->command('shot', path => $ENV{TEST_SELKIES_SHOTS} . '/one.png')
	if $ENV{TEST_SELKIES_SHOTS};

# it is held for longer than a pad that nobody speaks of may be

select undef, undef, undef, 2.6;
is($js[0]->rest(), '', 'what is held stays held');

$b->eval("plug(1, 'Other pad'); return true");
ok($b->until("document.querySelectorAll('.pad').length === 2"), 'a second one');
$b->eval('pads[1].buttons[3].value = 1; return true');
is($js[1]->take(1), 'button 3 1', 'is the second player\'s');

$b->eval("const s = document.querySelectorAll('.pad select')[1]; s.value = '2';"
	. "s.dispatchEvent(new Event('change')); return true");
is($js[1]->take(1), 'button 3 0', 'given to the third, it lets go');
is($js[2]->take(1), 'button 3 1', 'and is pressed there');
$b->command('shot', path => $ENV{TEST_SELKIES_SHOTS} . '/two.png')
	if $ENV{TEST_SELKIES_SHOTS};

$b->eval('unplug(1); return true');
is($js[2]->take(1), 'button 3 0', 'unplugged, it lets go');
is($js[0]->rest(), '', 'the first one does not');

###############################################################################
# what programs want to be felt

my $ev = Selkies::Pad->new($folder, 'event1000');

$ev->send("F\0" . pack 'S3', 65535, 0, 300);
is($b->until('effects[0]'), '0,dual-rumble,300,1.00,0.00', 'rumble');
$ev->send("F\0" . pack 'S3', 0, 0, 0);
is($b->until('effects[1]'), '0,reset', 'and its end');

###############################################################################
# a page that is not seen lets go; so does one that is left

$b->eval("Object.defineProperty(document, 'visibilityState', { value: 'hidden',"
	. "configurable: true }); document.dispatchEvent(new Event('visibilitychange'));"
	. "return true");
is(join(', ', sort split /, /, $js[0]->take(2)), 'axis 0 0, axis 5 -32767',
	'a hidden page lets go');
$b->eval("delete document.visibilityState;"
	. "document.dispatchEvent(new Event('visibilitychange')); return true");
is(join(', ', sort split /, /, $js[0]->take(2)), 'axis 0 -32767, axis 5 0',
	'and goes on');
$b->command('close');
is(join(', ', sort split /, /, $js[0]->take(2)), 'axis 0 0, axis 5 -32767',
	'a page that is closed lets go');

###############################################################################
# players and viewers

page('#player3');
$b->eval('plug(0); return true');
ok($b->until("performance.getEntriesByType('resource')"
	. ".some(one => one.name.endsWith('/input/gamepad.js'))"), 'loaded with it');
$b->eval('pads[0].buttons[1].value = 1; return true');
is($js[2]->take(1), 'button 1 1', 'a player\'s page has its own slot');
ok($b->until("$button.click() ?? true"), 'the button');
ok($b->until("document.querySelector('.pad')?.textContent.includes('Player 3')"),
	'and says so');
$b->command('close');
is($js[2]->take(1), 'button 1 0', 'closed, it lets go');

page('#shared');
$b->eval('plug(0); pads[0].buttons[1].value = 1; return true');
select undef, undef, undef, 0.5;
is(join('', map { $_->rest() } @js), '', 'a page that watches moves nothing');
ok($b->until("$button.hidden"), 'and has no panel');
$b->command('close');

page('', 1);
ok($b->until("$button.hidden"),
	'nor has one whose server has no gamepads');
is(join("\n", @{ $b->command('problems') }), '', 'no error in any of them');
$b->command('close');

$b->quit();
$t->done();
