#!/usr/bin/perl

# Copyright (C) ngx_selkies authors
# SPDX-License-Identifier: BSD-2-Clause

# A smoke test of the client in WebKitGTK, through plain WebDriver: it decodes
# the test card, a key reaches the desktop, lite pictures pass their test.

use warnings;
use strict;

use Test::More;

use lib 'lib', 't/lib';

use HTTP::Tiny;
use JSON::PP;

use Selkies;
use Selkies::BrowserSuite;
use Selkies::X;

my $DRIVER = '/usr/bin/WebKitWebDriver';
my ($BROWSER) = glob '/usr/lib/*/webkit2gtk-4.*/MiniBrowser';

plan(skip_all => "no $DRIVER") unless -x $DRIVER;
plan(skip_all => 'no MiniBrowser') unless $BROWSER && -x $BROWSER;

my $t = Selkies->new(x => '1280x800', timeout => 120);

$t->simple(location => 'root %%WEB%%;');

my $x = $t->x_client();

$x->tell('card');
$t->run();

###############################################################################
# the browser has an X server of its own

my $screen = Selkies->new(x => '1400x1000', no_module => 1, timeout => 120);
my $port = $screen->port();

delete $screen->{reserved};

my $driver = $screen->spawn(sub {
	%ENV = (%ENV, $screen->x_environment(), HOME => $screen->dir(),
		TMPDIR => $screen->dir(), XDG_RUNTIME_DIR => $screen->dir(),
		LIBGL_ALWAYS_SOFTWARE => 1,
		WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS => 1);
	open STDOUT, '>>', $screen->dir() . '/logs/webkit.log';
	open STDERR, '>&', \*STDOUT;
	exec $DRIVER, "--port=$port", '--host=127.0.0.1';
});

my $http = HTTP::Tiny->new(timeout => 60);
my $session = '';

sub webdriver {
	my ($method, $path, $body) = @_;

	my $answer = $http->request($method,
		"http://127.0.0.1:$port$session$path", {
			headers => { 'Content-Type' => 'application/json' },
			$body ? (content => encode_json($body)) : () });
	my $value = eval { decode_json($answer->{content})->{value} };

	die "webdriver: $path: $answer->{content}\n" unless $answer->{success};

	return $value;
}

sub script {
	return webdriver(POST => '/execute/async', {
		script => "const done = arguments[arguments.length - 1];
			(async () => { $_[0] })().then(done, e => done(String(e)));",
		args => [] });
}

sub until_true {
	my ($expression, $seconds) = @_;

	return wait_for { script("try { return $expression } catch { return 0 }") }
		$seconds;
}

ok(wait_for(sub { IO::Socket::INET->new("127.0.0.1:$port") }, 10), 'WebDriver');

my $started = eval { webdriver(POST => '/session', { capabilities => {
	alwaysMatch => { 'webkitgtk:browserOptions' => { binary => $BROWSER,
		args => [ '--automation' ] } } } }) };

BAIL_OUT("no session: $@") unless $started;

$session = "/session/$started->{sessionId}";
webdriver(POST => '/timeouts', { script => 30000 });
webdriver(POST => '/url', { url => 'http://localhost:' . $t->port()
	. '/?probe=1' });

###############################################################################

ok(until_true('globalThis.__selkies && __selkies.state === "live"', 20),
	'the page is live') or diag(script('return document.body.innerText'));

my ($w, $h) = split /x/, $x->size();
my @patches = Selkies::X->patches();
my @points = map { [ int $w * ($_ % 4 + 0.5) / 4,
	int $h * (int($_ / 4) + 0.5) / 2 ] } 0 .. 7;
my $list = join ',', map { "{x:$_->[0],y:$_->[1]}" } @points;
my $worst;

wait_for {
	my $seen = script("return await __selkies.probe([$list])");

	$worst = 0;

	for my $i (0 .. 7) {
		for my $k (0 .. 2) {
			my $d = ref $seen && $seen->{rgb} && $seen->{rgb}[$i]
				? abs $seen->{rgb}[$i][$k] - $patches[$i][$k] : 255;
			$worst = $d if $d > $worst;
		}
	}

	return $worst <= 4;
} 8;

cmp_ok($worst, '<=', 4, 'patches within 4 of 255');

$x->events();

my $element = webdriver(POST => '/element', { using => 'css selector',
	value => '#keys' });
my ($id) = values %$element;

webdriver(POST => "/element/$id/value", { text => 'k' });
ok($x->wait(qr/^key press \d+ 0x6b/, 5), 'a key reaches the desktop');

ok(until_true('__selkies.lite === "passed"', 10), 'the decoder is tested')
	or diag(script('return __selkies.lite'));
Selkies::BrowserSuite::lite_results(
	script(Selkies::BrowserSuite::lite_script()), 'webkit');

webdriver(DELETE => '');
kill 'TERM', $driver;
$screen->reap($driver, 5);
$screen->shutdown();
ok(wait_for(sub { !$screen->strays() }, 10), 'the browser is gone')
	or diag(map { $screen->read_file("/proc/$_/cmdline") . "\n" }
		$screen->strays());
$screen->cleanup();

$t->done();
