#!/usr/bin/perl

# Copyright (C) ngx_selkies authors
# SPDX-License-Identifier: BSD-2-Clause

# The small answers over plain HTTP: health, readiness, status, the manifest.

use warnings;
use strict;

use Test::More;

use lib 'lib', 't/lib';

use JSON::PP qw/ decode_json /;

use Selkies;
use Selkies::WebSocket;

my $t = Selkies->new(x => '1280x720', timeout => 60);

$t->simple(location => 'selkies_title "A \"desk\" <b>"; selkies_framerate 30;');
$t->run();

sub json {
	my ($uri) = @_;

	my ($head, $body) = split /\r\n\r\n/, $t->http_get($uri), 2;

	like($head, qr/^HTTP\/1.1 200.*Content-Type: application\/(manifest\+)?json/s, $uri);

	return decode_json($body);
}

like($t->http_get($_), qr/^HTTP\/1.1 200.*\r\n\r\nOK\n$/s, $_)
	for qw! /health /health/ /api/health !;
like($t->http_get('/health/ready'), qr/^HTTP\/1.1 200/, 'ready, with nobody there');
like($t->http("POST /health HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n"
	. "Connection: close\r\n\r\n"), qr/^HTTP\/1.1 405/, 'health is only read');
like($t->http("HEAD /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
	qr/^HTTP\/1.1 200.*\r\n\r\n$/s, 'HEAD');
like($t->http_get('/healthy'), qr/^HTTP\/1.1 404/, 'a longer name is not ours');

my $manifest = json('/manifest.json');

is($manifest->{name}, 'A "desk" <b>', 'the title, escaped');

my $s = json('/api/status');

is($s->{current_mode}, 'websockets', 'the mode pages ask for');
ok(!$s->{enable_dual_mode}, 'no dual mode');
is($s->{display}{state}, 'off', 'nobody watches: off');
is($s->{display}{watchers}, 0, 'no watcher');

my $before = monotonic_us();
my $c = Selkies::WebSocket->controller($t, 640, 480);

$s = json('/api/status');
is("$s->{display}{width}x$s->{display}{height}", '640x480', 'the size');
is($s->{display}{state}, 'ready', 'ready');
is($s->{display}{watchers}, 1, 'one watcher');
ok($s->{display}{controlled}, 'who controls');
is($s->{display}{framerate}, 30, 'the rate');
cmp_ok($s->{statistics}{keys}, '>=', 1, 'a key');
cmp_ok($s->{statistics}{encoded_us}, '<=', monotonic_us(),
	'when it was finished');
cmp_ok($s->{statistics}{encoded_us}, '>=', $before, 'since the client came');
cmp_ok($s->{statistics}{encode_us}{p50}, '>', 0, 'how long that took');

$t->stop_x('KILL');
ok(wait_for(sub { json('/api/status')->{display}{state} eq 'no_display' }, 5), 'X is gone');
like($t->http_get('/health/ready'), qr/^HTTP\/1.1 503/, 'not ready');
like($t->http_get('/health'), qr/^HTTP\/1.1 200/, 'but alive');

$t->done();
