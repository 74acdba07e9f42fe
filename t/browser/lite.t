#!/usr/bin/perl

# Copyright (C) ngx_selkies authors
# SPDX-License-Identifier: BSD-2-Clause

# What the client tells of lite pictures and when, against a stand-in for the
# server: after the first picture, once its decoder has passed the test; at
# once where that is remembered; no more after the decoder failed.  Pictures
# that were left out and ids with gaps do not matter.

use warnings;
use strict;

use Test::More;

use lib 'lib', 't/lib';

use JSON::PP;

use Selkies;
use Selkies::Browser;

my %browsers = (chromium => '/usr/bin/chromium',
	firefox => '/usr/bin/firefox-esr');
my @found = grep { !Selkies::Browser->missing($browsers{$_}) }
	sort keys %browsers;

plan(skip_all => 'no browser') unless @found;

my $t = Selkies->new(x => 0, no_module => 1, timeout => 180);
my ($b, $name, $url);
my $id = 65530;

for (@found) {
	$name = $_;
	$b = Selkies::Browser->new($t, $name, $browsers{$name});
	with_lite();
	without_lite();
	$b->quit();
}

$t->done();

###############################################################################

# The `want` of each `_ext` of the newest socket, as far as pictures go.

sub wants {
	return [ map { join ' ', grep { /^(?:status|reload|lite)$/ }
			@{ decode_json(substr $_, 5)->{want} } }
		grep { /^_ext,/ } @{ $b->command('heard') } ];
}

sub told {
	my ($wants, $what) = @_;

	my $have = [];

	wait_for { $have = wants(); "@$have" eq "@$wants" } 5;
	is_deeply($have, $wants, "$name: $what");
}

# Shows a picture of the clip and waits until the page shows it.

sub show {
	my ($i, $gap, %o) = @_;

	$id = ($id + $gap) % 65536;
	$b->command('show', i => $i, id => $id, %o);
}

sub shown {
	my ($i, $what) = @_;

	my $worst = $b->until("(async () => {
		const [{ worstOf }, { CLIP }] = await Promise.all(
			['media/lite.js', 'media/lite-clip.js'].map(
				file => import(new URL(file, document.baseURI).href)));
		const { rgb } = await __selkies.probe(CLIP.points);
		return rgb && worstOf(rgb, CLIP.pictures[$i].colours) <= 8 && 'right';
	})()", 5);

	is($worst, 'right', "$name: $what");
}

# The line of the statistics.

sub says {
	my ($words) = @_;

	is($b->until("(() => {
		document.getElementById('stats').hidden = false;
		globalThis.line = [...document.querySelectorAll('#stats dt')].find(
			dt => dt.textContent === 'Quick pictures').nextSibling.textContent;
		return line === '$words' && line;
	})()", 5), $words, "$name: the statistics say \"$words\"")
		or diag($b->eval('return globalThis.line'));
}

sub live {
	show(0, 1);
	ok($b->until("globalThis.__selkies && __selkies.state === 'live'", 20),
		"$name: the page is live");
}

sub load {
	my ($how) = @_;

	if ($how eq 'again') {
		$b->eval('globalThis.old = 1;
			setTimeout(() => location.reload(), 0);');
		ok(wait_for(sub { eval { $b->eval('return globalThis.old !== 1
			&& globalThis.__selkies !== undefined') } }, 20),
			"$name: loaded again");
	} else {
		$b->command('open', width => 400, height => 800,
			url => "$url?probe=1");
	}

	# what the client says at first, before there is any picture

	ok(wait_for(sub { grep { /^SETTINGS,/ } @{ $b->command('heard') } }, 10),
		"$name: it claims the display");
}

sub with_lite {
	$url = $b->command('stand-in', have => [ 'status', 'lite' ]);
	load('first');
	told([ 'status reload' ], 'nothing is told before the test');
	live();
	told([ 'status reload', 'status reload lite' ],
		'lite once the test has passed');
	is($b->eval('return __selkies.lite'), 'passed', "$name: and known");
	says('on');

	# pictures 1 to 3 are lite, 4 is an anchor, 5 to 7 are lite, 8 is an IDR,
	# 9 is lite, 10 an anchor, 11 one of the chain, 12 is lite

	shown(0, 'an IDR');
	show(3, 3);
	shown(3, 'a lite picture over two that were left out');
	show(4, 1);
	shown(4, 'an anchor');
	show(6, 700);
	shown(6, 'a lite picture, ids later');
	show(8, 2);
	shown(8, 'an IDR behind it');
	show(10, 4000);
	shown(10, 'an anchor, its lite picture left out');
	show(11, 1);
	shown(11, 'a picture of the chain');
	show(12, 65535);
	shown(12, 'a lite picture whose id is in the past');
	ok(wait_for(sub { grep { $_ eq "CLIENT_FRAME_ACK $id" }
		@{ $b->command('heard') } }, 5), "$name: which is acknowledged");

	# remembered, so that it need not wait for a picture

	load('again');
	told([ 'status reload', 'status reload lite' ],
		'lite at once where it is remembered');
	live();
	shown(0, 'the picture');

	# a key frame with a level that does not exist and nothing behind it

	show(0, 1, data => 'AAAAAWdCwP//////AAAAAWjOCcgAAAABZf////8=');
	told([ 'status reload', 'status reload lite', 'status reload' ],
		'no lite after an error of the decoder');
	ok(wait_for(sub { grep { $_ eq 'REQUEST_KEYFRAME' }
		@{ $b->command('heard') } }, 5), "$name: it asks for a key frame");
	show(8, 1);
	shown(8, 'which shows');
	is($b->eval('return __selkies.lite'), 'withdrawn', "$name: withdrawn");
	says('off since the decoder failed');
	is($b->eval("return localStorage.getItem('selkies-lite-1')"), undef,
		"$name: and forgotten");

	load('again');
	told([ 'status reload' ], 'nothing is told before another test');
	live();
	told([ 'status reload', 'status reload lite' ], 'lite after another test');
	is_deeply($b->command('problems'), [], "$name: no console error");
	$b->command('close');
}

sub without_lite {
	$url = $b->command('stand-in', have => [ 'status' ]);
	load('first');
	live();
	shown(0, 'the picture');
	$b->until('__selkies.stats.frames > 0', 5);
	told([ 'status reload' ], 'nothing is told to a server without lite');
	is($b->eval('return __selkies.lite'), 'untested', "$name: nor is it tested");
	says('off, the server sends none');
	$b->command('close');
}
