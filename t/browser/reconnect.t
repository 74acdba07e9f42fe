#!/usr/bin/perl

# Copyright (C) ngx_selkies authors
# SPDX-License-Identifier: BSD-2-Clause

# A page whose connection ends: what each close code means, make before break
# when the server says that it reloads, refusals by 401, 403 and 429, a server
# that is gone for a while, an X server that is killed.  The last picture stays.

use warnings;
use strict;

use Test::More;

use lib 'lib', 't/lib';

use JSON::PP;

use Selkies;
use Selkies::Browser;
use Selkies::BrowserSuite;

my %path = (chromium => '/usr/bin/chromium', firefox => '/usr/bin/firefox-esr');
my @browsers = grep { !Selkies::Browser->missing($path{$_}) } sort keys %path;

plan(skip_all => 'no browser') unless @browsers;

my $t = Selkies->new(x => 0, workers => 2, timeout => 240);
my $number = $t->reserve_display();

$t->start_x(number => $number, size => '1280x800');

$t->conf(<<'EOC');
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

            if (-f %%TESTDIR%%/say-401) { return 401; }
            if (-f %%TESTDIR%%/say-403) { return 403; }
            if (-f %%TESTDIR%%/say-429) { return 429; }
        }
    }
}
EOC

my $x = $t->x_client();
my ($name, $b, $suite, $id);

$x->tell('card');
$t->run();

for (@browsers) {
	$name = $_;
	$b = Selkies::Browser->new($t, $name, $path{$name});
	$suite = bless { t => $t, x => $x, name => $name, browser => $b,
		url => 'http://localhost:' . $t->port() . '/' }, 'Selkies::BrowserSuite';
	$id = 1;
	stand_in();
	refused();
	without_x();
	without_server();
	$b->quit();
}

$t->done();

###############################################################################

sub state_is {
	my ($state, $what, $seconds) = @_;

	is($b->until("__selkies.state === '$state' && '$state'", $seconds || 8),
		$state, "$name: $what") or diag($b->eval('return __selkies.state'));
}

sub sockets_are {
	my ($n, $what) = @_;

	my $sockets;

	ok(wait_for(sub { $sockets = $b->command('sockets');
		$sockets->{opened} == $n }, 8), "$name: $what")
		or diag($sockets->{opened});
}

sub ext {
	my ($resume) = map { decode_json(substr $_, 5)->{resume} }
		grep { /^_ext,/ } @{ $b->command('heard') };

	return $resume // 'none';
}

sub claims {
	ok(wait_for(sub { grep { /^SETTINGS,/ } @{ $b->command('heard') } }, 8),
		"$name: it claims the display");
}

sub stand_in {
	my $url = $b->command('stand-in', have => [ 'status', 'reload' ]);

	$b->command('open', width => 400, height => 800, url => "$url?probe=1");
	claims();
	$b->command('show', i => 0, id => $id++);
	state_is('live', 'live', 20);
	is(ext(), 'none', "$name: the first socket replaces none");

	# make before break: the old one serves until the other has a picture

	$b->eval('globalThis.seen = new Set();
		globalThis.watcher = setInterval(() => seen.add(
			document.getElementById("stage").classList.contains("frozen")
				? "frozen" : __selkies.state), 2);');
	$b->command('tell', text => '{"type":"reload"}');
	sockets_are(2, 'a second socket');
	claims();
	is(ext(), 'resume-1', "$name: which tells what it replaces");
	state_is('live', 'meanwhile the old one is live');
	$b->command('show', i => 0, id => $id);
	ok(wait_for(sub { grep { $_ eq "CLIENT_FRAME_ACK $id" }
		@{ $b->command('heard') } }, 8), "$name: the new one has the picture");
	ok(wait_for(sub { "@{ $b->command('sockets')->{closed} }" eq '1000' }, 8),
		"$name: the old one is closed");
	is(join(' ', @{ $b->eval('clearInterval(watcher); return [...seen].sort()') }),
		'live', "$name: and nobody noticed");

	# codes that mean: come again, with what the last socket was given

	my $n = 2;

	for my $code (1012, 1001, 1006, 1013, 4002) {
		$b->command('drop', code => $code);
		sockets_are(++$n, "after $code it comes again");
		claims();
		is(ext(), $code == 4002 ? 'none' : 'resume-' . ($n - 1),
			"$name: " . ($code == 4002 ? 'afresh' : 'as the same one'));
		$b->command('show', i => 0, id => ++$id);
		state_is('live', 'live again');
	}

	# codes that mean: stay away, and what the screen says

	for ([ 4001, 'expired', 'token', '4001' ],
		[ 1000, 'Superseded by new client', 'taken', 'taken' ],
		[ 1008, 'KILL a new primary client connected', 'taken', 'taken' ],
		[ 1008, 'KILL no second screens', 'refused', 'refused' ])
	{
		my ($code, $reason, $state, $told) = @$_;

		$b->command('tell', text => $reason) if $reason =~ /^KILL/;
		$b->command('drop', code => $code, reason => $reason);
		state_is($state, "$code $reason: $state");
		like($b->until("document.querySelector('.card')?.innerText", 8) || '',
			qr/Code: $told/, "$name: and its code");
		ok($b->eval('return document.getElementById("screen") !== null
			&& document.getElementById("stage").classList.contains("frozen")'),
			"$name: above the last picture");
		$b->eval('document.querySelector(".card .primary").click()');
		sockets_are(++$n, 'its button connects');
		claims();
		$b->command('show', i => 0, id => ++$id);
		state_is('live', 'live again');
		ok($b->until('!document.getElementById("stage").classList
			.contains("frozen")', 3), "$name: and bright");
	}

	is_deeply([ grep { !/websocket/i } @{ $b->command('problems') } ], [],
		"$name: no error in the console");
	$b->command('close');
}

# All of the page: what is refused includes its files.

sub loaded {
	ok($b->until('document.getElementById("bar") !== null
		&& document.activeElement.id === "keys"', 20), "$name: all is loaded");
}

# nginx refuses the upgrade: the page cannot see why, and asks.

sub refused {
	$suite->open_page();
	loaded();

	for ([ 401, 'login' ], [ 403, 'forbidden' ], [ 429, 'busy' ]) {
		my ($status, $state) = @$_;

		$t->write_file("say-$status", '');
		$t->kill_worker($_) for $t->workers();
		state_is($state, "$status: $state");
		like($b->until("document.querySelector('.card')?.innerText", 8) || '',
			qr/Code: $status/, "$name: and its code");
		unlink $t->dir() . "/say-$status";

		if ($status != 401) {
			$b->eval('document.querySelector(".card .primary").click()');
			state_is('live', 'its button connects');
			next;
		}

		# signing in is the browser's matter: the page is loaded again

		$b->eval('setTimeout(() => document.querySelector(".card .primary")
			.click(), 0)');
		ok(wait_for(sub { eval { $b->eval(
			'return __selkies.state === "live"') } }, 20),
			"$name: its button loads the page");
		loaded();
	}

	$b->command('problems');
	$suite->card_is_right("$name, let in again");
	$b->command('close');
}

sub without_x {
	$suite->open_page();
	loaded();
	$suite->card_is_right("$name, before X is killed");
	$x->quit();
	$t->stop_x('KILL');
	is($b->until('document.documentElement.dataset.screen', 8), 'no_display',
		"$name: X is killed, the page says so");
	ok($b->eval('return document.getElementById("stage").classList
		.contains("frozen")'), "$name: above the last picture");
	like($b->eval('return document.querySelector(".card").innerText'),
		qr/Code: no_display/, "$name: and its code");
	is($b->eval('return __selkies.state'), 'live', "$name: still connected");

	$t->start_x(number => $number, size => '1280x800');
	$suite->{x} = $x = $t->x_client();
	$x->tell('card');
	ok($b->until('document.documentElement.dataset.screen === undefined', 8),
		"$name: X is back, the page has noticed");
	$suite->card_is_right("$name, after X was killed");
	is_deeply($b->command('problems'), [], "$name: no error in the console");
	$b->command('close');
}

# Nobody listens at all, as when the network is away.

sub without_server {
	$suite->open_page();

	loaded();
	$b->eval('globalThis.untouched = true');
	ok($t->stop('TERM'), "$name: nginx ends");
	is($b->until('document.documentElement.dataset.screen', 15), 'lost',
		"$name: the page says so");
	like($b->until('(() => { const line = document.querySelector(".count");
		return !line.hidden && line.innerText; })()', 8) || '',
		qr/Next attempt in \d+ s|Trying now/, "$name: and when it tries again");
	ok($b->eval('return document.getElementById("stage").classList
		.contains("frozen")'), "$name: above the last picture");
	ok($b->until('document.querySelector(".count").innerText
		=== "Next attempt in 5 s"', 30), "$name: less and less often");

	$t->run();
	$b->eval('dispatchEvent(new Event("online"))');
	state_is('live', 'at once when the network is back', 3);
	ok($b->eval('return globalThis.untouched'), "$name: without loading again");
	$suite->card_is_right("$name, after nginx was away");
	$b->command('problems');
	$b->command('close');
}
