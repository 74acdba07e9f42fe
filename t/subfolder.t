#!/usr/bin/perl

# Copyright (C) ngx_selkies authors
# SPDX-License-Identifier: BSD-2-Clause

# The module beside static files: alias and root, try_files, autoindex,
# rewrite, a named prefix for regex locations.

use warnings;
use strict;

use Test::More;

use lib 'lib', 't/lib';

use File::Path qw/ make_path /;
use JSON::PP;

use Selkies;
use Selkies::WebSocket;

my $t = Selkies->new(x => 0);

$t->reserve_display();
make_path($t->dir() . '/files/sub', $t->dir() . '/html/plain');
$t->write_file('files/page.html', 'page by alias');
$t->write_file('files/sub/deep.js', 'export {};');
$t->write_file('html/fallback.html', 'the fallback');
$t->write_file('html/plain/index.html', 'page by root');
$t->write_file('html/plain/websockets', 'a file with the name of a route');
$t->simple(server => '
	location /desk/ { alias %%TESTDIR%%/files/; autoindex on; %%SELKIES%%
		selkies_title "A \"quoted\" <title> ü"; }
	location /plain/ { %%SELKIES%% }
	location /noslash { %%SELKIES%% }
	location /try/ { %%SELKIES%% try_files $uri /fallback.html; }
	location ~ ^/(?<who>[a-z]+)/desk/ { %%SELKIES%%
		selkies_prefix /$who/desk/; }
	location = /health { rewrite ^ /desk/health last; }
	location /off/ { alias %%TESTDIR%%/files/; }');
$t->run();

sub status {
	my $ws = Selkies::WebSocket->new($t, path => $_[0]);
	my $status = $ws->status();

	$ws->drop();

	return $status;
}

###############################################################################

is(status('/desk/websockets'), 101, 'alias');
like($t->http_get('/desk/page.html'), qr/page by alias/, 'file beside');
like($t->http_get('/desk/sub/deep.js'),
	qr/Content-Type: application\/javascript.*export/s, 'module type');
like($t->http_get('/desk/'), qr/page\.html/, 'autoindex');
like($t->http_get('/desk/missing'), qr/^HTTP\/1.1 404/, 'missing');
like($t->http_get('/desk'), qr/^HTTP\/1.1 (?:301|404)/, 'without a slash');
is(status('/desk/sub/websockets'), 404, 'a route only below the prefix');

is(status('/plain/websockets'), 101, 'root; the route hides a file');
like($t->http_get('/plain/'), qr/page by root/, 'index');

is(status('/noslash/websockets'), 101, 'a location without a slash');
is(status('/noslashwebsockets'), 404, 'gets one');

is(status('/try/websockets'), 101, 'try_files does not hide the route');
like($t->http_get('/try/x'), qr/the fallback/, 'try_files works');
like($t->http_get('/try/health'), qr/^HTTP\/1.1 200/, 'health in it');

is(status('/alice/desk/websockets'), 101, 'regex location');
is(status('/bob/desk/websockets'), 101, 'another name');

is(status('/off/websockets'), 404, 'off');

###############################################################################

like($t->http_get('/health'), qr/^HTTP\/1.1 200.*\r\n\r\nOK/s,
	'/health by rewrite');
like($t->http_get('/desk/api/health'), qr/^HTTP\/1.1 200/, 'api/health');

my ($head, $body) = split /\r\n\r\n/, $t->http_get('/desk/api/status'), 2;
my $status = decode_json($body);

like($head, qr/Content-Type: application\/json/, 'api/status is JSON');
is($status->{current_mode}, 'websockets', 'current_mode');
is_deeply($status->{available_modes}, [ 'websockets' ], 'available_modes');
ok(exists $status->{enable_dual_mode} && !$status->{enable_dual_mode},
	'no dual mode');

($head, $body) = split /\r\n\r\n/, $t->http_get('/desk/manifest.json'), 2;
is(decode_json($body)->{name}, "A \"quoted\" <title> \x{fc}",
	'manifest.json has the title');
like($head, qr/Content-Type: application\/(?:manifest\+)?json/, 'as JSON');

like($t->http_get('/desk/health', headers => [ 'If-None-Match: "x"' ]),
	qr/^HTTP\/1.1 200/, 'health is not conditional');
like($t->http("HEAD /desk/api/status HTTP/1.1\r\nHost: x\r\n"
	. "Connection: close\r\n\r\n"), qr/^HTTP\/1.1 200[^\0]*\r\n\r\n$/,
	'HEAD has no body');
like($t->http("POST /desk/api/status HTTP/1.1\r\nHost: x\r\n"
	. "Content-Length: 0\r\nConnection: close\r\n\r\n"), qr/^HTTP\/1.1 405/,
	'POST is refused');

# keepalive with a route and a file in turn

my $s = IO::Socket::INET->new('127.0.0.1:' . $t->port());
my $answer = Selkies::exchange($s, join('', map {
	"GET $_ HTTP/1.1\r\nHost: x\r\n\r\n" } '/desk/health', '/desk/page.html',
	'/desk/api/status') . "GET /desk/health HTTP/1.1\r\nHost: x\r\n"
	. "Connection: close\r\n\r\n");

is(scalar(() = $answer =~ /HTTP\/1\.1 200/g), 4, 'four answers on one socket');

$t->done();
