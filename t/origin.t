#!/usr/bin/perl

# Copyright (C) ngx_selkies authors
# SPDX-License-Identifier: BSD-2-Clause

# Who may open a websocket from a page: the same origin and what the operator
# lists.  X-Forwarded-* is never consulted.

use warnings;
use strict;

use Test::More;

use lib 'lib', 't/lib';

use Selkies;
use Selkies::WebSocket;

my $t = Selkies->new(x => 0);

$t->reserve_display();
$t->simple(server => '
	location /listed/ { %%SELKIES%%
		selkies_allowed_origins https://desk.example other.example:8443; }
	location /any/ { %%SELKIES%% selkies_allowed_origins *; }
	location /required/ { %%SELKIES%% selkies_require_origin on; }');
$t->run();

###############################################################################

my $port = $t->port();
my $own = "127.0.0.1:$port";

# path, Host, Origin, extra headers, status

my @rows = (
	[ '/', $own, undef, [], 101, 'no Origin: not a browser' ],
	[ '/', $own, "http://$own", [], 101, 'same origin' ],
	[ '/', $own, "https://$own", [], 101, 'the scheme does not matter' ],
	[ '/', 'LocalHost:80', 'http://localhost', [], 101,
		'case and default port' ],
	[ '/', 'localhost', 'http://localhost:80', [], 101,
		'default port in Origin' ],
	[ '/', 'localhost', 'https://localhost:443', [], 101,
		'default port of https' ],
	[ '/', '[::1]:3000', 'http://[::1]:3000', [], 101, 'IPv6' ],
	[ '/', $own, "http://127.0.0.1", [], 403, 'another port' ],
	[ '/', $own, "http://127.0.0.1:1", [], 403, 'one more port' ],
	[ '/', 'localhost', 'http://localhost:443', [], 403,
		'a port that is the default of another scheme' ],
	[ '/', $own, 'http://evil.example', [], 403, 'another host' ],
	[ '/', $own, "http://$own.evil.example", [], 403, 'own name as prefix' ],
	[ '/', $own, "http://evil.example/$own", [], 403, 'own name as path' ],
	[ '/', $own, "http://evil.example\@$own", [], 403, 'own name as host of '
		. 'a user' ],
	[ '/', $own, "http://x$own", [], 403, 'own name as suffix' ],
	[ '/', $own, 'null', [], 403, 'null' ],
	[ '/', $own, '', [], 403, 'empty' ],
	[ '/', $own, 'file://', [], 403, 'file' ],
	[ '/', $own, $own, [], 403, 'no scheme' ],
	[ '/', $own, 'http://', [], 403, 'no host' ],
	[ '/', 'a.example', 'http://b.a.example', [], 403, 'subdomain' ],
	[ '/', 'b.a.example', 'http://a.example', [], 403, 'parent domain' ],
	[ '/', $own, 'http://evil.example', [ "X-Forwarded-Host: evil.example" ],
		403, 'X-Forwarded-Host changes nothing' ],
	[ '/', $own, "http://$own", [ 'Origin: http://evil.example' ],
		qr/^40[03]$/, 'two Origins' ],
	[ '/listed/', $own, 'https://desk.example', [], 101, 'listed' ],
	[ '/listed/', $own, 'http://desk.example', [], 101,
		'listed, the scheme does not matter' ],
	[ '/listed/', $own, 'https://other.example:8443', [], 101,
		'listed with a port' ],
	[ '/listed/', $own, 'https://other.example', [], 403,
		'listed with another port' ],
	[ '/listed/', $own, "http://$own", [], 101, 'the own one still' ],
	[ '/listed/', $own, 'https://desk.example.evil', [], 403, 'not listed' ],
	[ '/listed/', $own, 'null', [], 403, 'null is never listed' ],
	[ '/any/', $own, 'http://evil.example', [], 101, 'any' ],
	[ '/required/', $own, undef, [], 403, 'Origin required' ],
	[ '/required/', $own, "http://$own", [], 101, 'and there' ],
);

for my $row (@rows) {
	my ($path, $host, $origin, $headers, $want, $name) = @$row;

	my $ws = Selkies::WebSocket->new($t, path => "${path}websockets",
		host => $host, origin => $origin, headers => $headers);

	like($ws->status(), ref $want ? $want : qr/^$want$/, $name);
	$ws->drop();
}

###############################################################################

ok($t->error_log() =~ /"http:\/\/evil\.example".*selkies_allowed_origins/,
	'the refusal names the origin and the directive');
ok($t->read_file('logs/stdout.log') =~ /\[warn\].*selkies_allowed_origins/,
	'* is warned of');

$t->done();
