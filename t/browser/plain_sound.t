#!/usr/bin/perl

# Copyright (C) ngx_selkies authors
# SPDX-License-Identifier: BSD-2-Clause

# The desktop's sound over plain HTTP, where browsers have no AudioDecoder and
# no worklet: a media element plays it, not later than half a second.

use warnings;
use strict;

use Test::More;

use lib 'lib', 't/lib';

use Selkies;
use Selkies::Browser;
use Selkies::Sound;
use Selkies::X;

my %path = (chromium => '/usr/bin/chromium', firefox => '/usr/bin/firefox-esr');
my @browsers = grep { !Selkies::Browser->missing($path{$_}) } sort keys %path;

plan(skip_all => 'no browser, or no node_modules') unless @browsers;

my $t = Selkies->new(x => '1280x720', workers => 2, timeout => 240);
my $sound = Selkies::Sound->new($t);
my $speakers = Selkies::Sound->new($t, name => 'speakers');

$t->conf(<<"EOC");
%%GLOBALS%%
events {}
http {
    %%GLOBALS_HTTP%%

    server {
        listen %%PORT_0%%;
        include %%WEB%%/../conf/selkies-headers.conf;

        location / {
            root %%WEB%%;
            %%SELKIES%%
            selkies_pulse_server @{[ $sound->socket() ]};
        }
    }
}
EOC

my $x = $t->x_client();

$x->tell('card');
$t->run();

my ($browser, $name);

# The strongest pitch of what the element plays.

sub pitch {
	return $browser->eval(<<'EOJ');
const { audio } = __selkies.sound;
if (globalThis.analyser?.element !== audio) {
	const context = new AudioContext();
	await context.resume();
	globalThis.analyser = context.createAnalyser();
	analyser.element = audio;
	analyser.fftSize = 16384;
	context.createMediaElementSource(audio).connect(analyser);
	analyser.connect(context.destination);
}
await new Promise(resolve => setTimeout(resolve, 700));
const bins = new Float32Array(analyser.frequencyBinCount);
analyser.getFloatFrequencyData(bins);
let at = 0;
bins.forEach((value, i) => { at = value > bins[at] ? i : at; });
return bins[at] < -70 ? 0 : at * analyser.context.sampleRate / analyser.fftSize;
EOJ
}

sub hears {
	my ($hz, $what) = @_;

	my $pid = $sound->play(hz => $hz, channels => 1, db => -12);
	my $heard = 0;

	$browser->until("__selkies.sound.state === 'on'", 10);
	ok(wait_for(sub { $heard = pitch(); abs($heard - $hz) < 10 }, 10),
		"$name: $what") or diag($heard);
	note(sprintf '%s, %s: %.0f Hz, %.0f ms to the ear', $name, $what, $heard,
		$browser->eval('return __selkies.sound.latencyMs') || 0);
	cmp_ok($browser->eval('return __selkies.sound.latencyMs') || 0, '<', 700,
		"$name: not too late");
	$sound->stop($pid);
}

for (@browsers) {
	$name = $_;
	$browser = Selkies::Browser->new($t, $name, $path{$name},
		PULSE_SERVER => 'unix:' . $speakers->socket());
	$browser->command('open', width => 900, height => 500,
		url => 'http://desk.test:' . $t->port() . '/?probe=1');
	ok($browser->until("__selkies.state === 'live'", 25), "$name: live");
	ok($browser->until('document.activeElement.id === "keys"', 10),
		"$name: all is loaded");
	$browser->command('click', x => 450, y => 250);
	ok($browser->until("__selkies.sound?.state === 'on'", 15),
		"$name: sound is on") or diag($browser->eval(
			'return __selkies.sound?.state'));
	hears(1000, 'a tone');
	hears(400, 'another one');

	$browser->eval('__selkies.sound.mute(true)');
	ok($browser->until("__selkies.sound.state === 'muted'
		&& __selkies.sound.audio.paused", 5), "$name: muted");
	$browser->eval('__selkies.sound.mute(false)');
	hears(600, 'loud again');

	$t->reload();
	ok($t->reloaded(), 'nginx is reloaded');
	hears(800, 'after a reload');
	is_deeply([ grep { !/websocket/i } @{ $browser->command('problems') } ], [],
		"$name: no error in the console");
	$browser->quit();
}

$t->done();
