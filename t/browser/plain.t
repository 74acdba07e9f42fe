#!/usr/bin/perl

# Copyright (C) ngx_selkies authors
# SPDX-License-Identifier: BSD-2-Clause

# The ways a page has to its picture where the best one is not to be had: plain
# HTTP from another machine has a media element, which a clip tests first, then
# JPEG; a browser without workers decodes in the page; a decoder that fails is
# left for the next way, and that is remembered.  Pixels, keys, the pointer in
# each, in Debian's chromium and firefox.

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

my $t = Selkies->new(x => '1280x800', workers => 2, timeout => 240);

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
        }

        location /striped/ {
            alias %%WEB%%/;
            %%SELKIES%%
            selkies_encoder x264enc-striped,x264enc,jpeg;
        }
    }
}
EOC

my $x = $t->x_client();
my ($name, $b, $suite);

$x->tell('card');
$t->run();

# The page at a path of a host, with a script that runs before its own.

sub visit {
	my ($host, %o) = @_;

	my $path = delete $o{path} || '/';

	$b->command('open', width => 1000, height => 600, %o,
		url => "http://$host:" . $t->port() . "$path?probe=1");

	return ok($b->until("globalThis.__selkies?.state === 'live'", 25),
		"$name, $suite->{what}: live") || diag(explain($b->eval(
			'return [globalThis.__selkies?.state, globalThis.__selkies?.way,
				document.body.innerText]')));
}

sub pixel {
	my ($px, $py, $colour) = @_;

	my @want = map { hex } $colour =~ /../g;
	my $worst = 255;

	wait_for {
		my $seen = $suite->probe([ $px, $py ]);

		$worst = $seen && $seen->{rgb} && $seen->{rgb}[0]
			? $suite->worst($seen->{rgb}[0], \@want) : 255;
		$worst <= 8;
	} 6;

	return $worst;
}

sub works {
	my ($way) = @_;

	my $what = "$name, $suite->{what}";

	is($b->eval('return __selkies.way'), $way, "$what: the way");
	ok(wait_for(sub { $x->size() eq '1000x600' }, 8), "$what: its size");
	$suite->card_is_right($what);

	# one change at a time, and each is seen

	for my $i (0 .. 5) {
		my $colour = sprintf '%02x%02x%02x', 40 + 30 * $i, 200 - 20 * $i, 96;

		$x->draw(40 + 100 * $i, 300, 60, 40, $colour);
		cmp_ok(pixel(70 + 100 * $i, 320, $colour), '<=', 8,
			"$what: change $i is seen");
	}

	$b->until('document.activeElement.id === "keys"', 10);
	$b->command('click', x => 321, y => 123);
	like($x->wait(qr/^button press/, 3) || '', qr/press 1 .* at 321 123/,
		"$what: a click");
	$x->events();
	$b->command('type', text => 'Hey 42');

	my @got = grep { !/^ffe/ } map { ($x->wait(qr/^key press/, 3) || '')
		=~ /0x(\w+)/ } 1 .. 7;

	is("@got[0 .. 5]", join(' ', map { sprintf '%x', ord } split //, 'Hey 42'),
		"$what: typed text");

	# a scene, and what is still behind it

	$x->tell('motion 30 0 0 600 400');
	ok($b->until('__selkies.stats.fps > 5', 10), "$what: it moves");
	$x->tell('still');
	$x->tell('card');

	my ($middle, $edge);

	# refined at leisure, by a machine that runs other tests beside
	wait_for { ($middle, $edge) = $suite->card(); $middle <= 4 && $edge <= 12 } 10;
	cmp_ok($middle, '<=', 4, "$what, after the scene: the card");
	cmp_ok($edge, '<=', 12, "$what, after the scene: its edges");
	is_deeply($b->command('problems'), [], "$what: no error in the console");
}

# Key to picture; and for how long nothing may happen before the next one.

sub latency {
	my @ms;

	$x->tell('flip 608 160 96 96');

	for (1 .. 20) {
		$b->eval('globalThis.answered = __selkies.answer({x: 656, y: 208}, "kd");
			await __selkies.probe([{x: 0, y: 0}]);
			await new Promise(resolve => setTimeout(resolve, 20));');
		$b->command('press', key => 'a');
		push @ms, $b->eval('return await Promise.race([answered.then(a => a.ms),
			new Promise(resolve => setTimeout(resolve, 3000, 3000))])');
	}

	$x->tell('flip 0 0 0 0');
	$x->tell('card');
	diag(sprintf '%s, %s: key -> picture p50 %.0f, p95 %.0f ms', $name,
		$suite->{what}, percentile(50, @ms), percentile(95, @ms));
	cmp_ok(percentile(95, @ms), '<', 1000 * slower(),
		"$name, $suite->{what}: every key shows soon");
}

# Another size is another stream; so is that of another nginx.

sub changes {
	$b->command('viewport', width => 800, height => 500);
	ok(wait_for(sub { $x->size() eq '800x500' }, 8), "$name: resized");
	$suite->card_is_right("$name, resized");
	$b->command('viewport', width => 1000, height => 600);
	ok(wait_for(sub { $x->size() eq '1000x600' }, 8), "$name: and back");
	$suite->card_is_right("$name, resized again");

	$t->reload();
	ok($t->reloaded(), 'nginx is reloaded');
	$x->draw(200, 400, 64, 64, '10e0a0');
	cmp_ok(pixel(232, 432, '10e0a0'), '<=', 12, "$name: after a reload");
	$b->command('press', key => 'z');
	ok($x->wait(qr/^key press \d+ 0x7a/, 3), "$name: keys, too");
	$x->tell('card');
	is_deeply($b->command('problems'), [], "$name: no error in the console");
}

sub known {
	return decode_json($b->until("localStorage.getItem('selkies-ladder-1')", 5)
		|| '{}')->{known};
}

for (@browsers) {
	$name = $_;
	$b = Selkies::Browser->new($t, $name, $path{$name});
	$suite = bless { t => $t, x => $x, name => "$name element", browser => $b },
		'Selkies::BrowserSuite';

	$suite->{what} = 'plain HTTP';
	visit('desk.test');
	ok(!$b->eval('return isSecureContext'), "$name: it is not secure");
	works('mse');
	latency();
	changes();
	is_deeply(known(), { mse => 'passed' }, "$name: the clip was shown right");
	like($b->until("document.querySelector('.chip.plain')?.innerText", 5) || '',
		qr/Over https/, "$name: what https would add");
	$b->command('close');

	$suite->{what} = 'striped, for an element';
	visit('desk.test', path => '/striped/');
	works('mse');
	$b->command('close');

	# what is remembered counts; JPEG is all that is left then

	$suite->{what} = 'JPEG';
	visit('desk.test', script => "localStorage.setItem('selkies-ladder-1',
		JSON.stringify({ agent: navigator.userAgent, at: Date.now(),
			known: { mse: 'failed' } }));");
	works('jpeg');
	$b->command('close');

	$suite->{what} = 'no storage';
	visit('desk.test', script => "Object.defineProperty(globalThis,
		'localStorage', { get() { throw new Error('refused'); } });");
	works('mse');
	$b->command('close');

	$suite->{what} = 'no workers';
	visit('localhost', script => 'delete globalThis.Worker');
	works('codecs');
	$b->command('close');

	$suite->{what} = 'a decoder that fails';
	visit('localhost', script => 'delete globalThis.Worker;
		VideoDecoder.prototype.decode = () => {
			throw new DOMException("no", "EncodingError");
		};');
	works('mse');
	is_deeply(known(), { codecs => 'failed', mse => 'passed' },
		"$name: that is remembered");
	$b->command('close');

	$b->quit();
}

$t->done();
