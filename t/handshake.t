#!/usr/bin/perl

# Copyright (C) ngx_selkies authors
# SPDX-License-Identifier: BSD-2-Clause

# The upgrade: what RFC 6455 section 4.2.1 demands of a request, which routes
# exist, what is refused and how.  No X server: a socket opens without one.

use warnings;
use strict;

use Test::More;

use lib 'lib', 't/lib';

use Selkies;
use Selkies::WebSocket;

my $t = Selkies->new(x => 0);

$t->reserve_display();
$t->simple(server => 'location /other/ { %%SELKIES%% }
	location ~ ^/re/ { %%SELKIES%% selkies_prefix /re/; }
	location /off/ { }');
$t->write_file('html/index.html', 'the page');
$t->run();

###############################################################################

my $KEY = 'dGhlIHNhbXBsZSBub25jZQ==';

# A request from a table row: undef drops a line, a value replaces it.

sub request {
	my (%o) = @_;

	my %h = (Host => 'localhost', Upgrade => 'websocket',
		Connection => 'Upgrade', 'Sec-WebSocket-Key' => $KEY,
		'Sec-WebSocket-Version' => 13, %{ $o{h} || {} });

	my $method = $o{method} || 'GET';
	my $uri = $o{uri} || '/websockets';
	my $version = $o{version} || '1.1';

	return join "\r\n", "$method $uri HTTP/$version",
		(map { "$_: $h{$_}" } grep { defined $h{$_} } sort keys %h),
		@{ $o{more} || [] }, '', defined $o{body} ? $o{body} : '';
}

sub answer {
	my $ws = Selkies::WebSocket->new($t, raw => request(@_),
		key => $KEY, timeout => 3);

	return $ws;
}

# name, request, status expected (a regex)

my @matrix = (
	[ 'plain upgrade', {}, 101 ],
	[ 'trailing slash', { uri => '/websockets/' }, 101 ],
	[ 'websocket', { uri => '/websocket' }, 101 ],
	[ 'websocket/', { uri => '/websocket/' }, 101 ],
	[ 'api/websockets', { uri => '/api/websockets' }, 101 ],
	[ 'api/websockets/', { uri => '/api/websockets/' }, 101 ],
	[ 'query', { uri => '/websockets?token=x&role=viewer' }, 101 ],
	[ 'another location', { uri => '/other/websockets' }, 101 ],
	[ 'regex location with selkies_prefix', { uri => '/re/websockets' }, 101 ],
	[ 'module off', { uri => '/off/websockets' }, 404 ],
	[ 'not a route', { uri => '/websocketsx' }, 404 ],
	[ 'not a route below', { uri => '/websockets/x' }, 404 ],
	[ 'not a route of this prefix', { uri => '/x/websockets' }, 404 ],
	[ 'double slash', { uri => '/websockets//' }, qr/^(?:101|4\d\d)/ ],

	[ 'Upgrade in another case', { h => { Upgrade => 'WebSocket' } }, 101 ],
	[ 'Upgrade missing', { h => { Upgrade => undef } }, qr/^4(?:00|26)/ ],
	[ 'Upgrade to something else', { h => { Upgrade => 'h2c' } },
		qr/^4(?:00|26)/ ],
	[ 'Upgrade with a suffix', { h => { Upgrade => 'websocketx' } },
		qr/^4(?:00|26)/ ],
	[ 'Upgrade as a list', { h => { Upgrade => 'foo, websocket' } },
		qr/^(?:101|4\d\d)/ ],
	[ 'Connection missing', { h => { Connection => undef } },
		qr/^4(?:00|26)/ ],
	[ 'Connection: close', { h => { Connection => 'close' } },
		qr/^4(?:00|26)/ ],
	[ 'Connection: keep-alive', { h => { Connection => 'keep-alive' } },
		qr/^4(?:00|26)/ ],
	[ 'Connection as a list', { h => { Connection =>
		'keep-alive, Upgrade' } }, 101 ],
	[ 'Connection in another case', { h => { Connection => 'UPGRADE' } },
		101 ],
	[ 'Connection with a part of the token', { h => { Connection =>
		'xupgrade' } }, qr/^4(?:00|26)/ ],

	[ 'key missing', { h => { 'Sec-WebSocket-Key' => undef } }, 400 ],
	[ 'key twice', { more => [ "Sec-WebSocket-Key: $KEY" ] }, 400 ],
	[ 'key empty', { h => { 'Sec-WebSocket-Key' => '' } }, 400 ],
	[ 'key of 15 bytes', { h => { 'Sec-WebSocket-Key' =>
		'MDEyMzQ1Njc4OTAxMjM0' } }, 400 ],
	[ 'key of 17 bytes', { h => { 'Sec-WebSocket-Key' =>
		'MDEyMzQ1Njc4OTAxMjM0NTY=' } }, qr/^(?:101|400)/ ],
	[ 'key of 18 bytes', { h => { 'Sec-WebSocket-Key' =>
		'MDEyMzQ1Njc4OTAxMjM0NTY3' } }, 400 ],
	[ 'key of 30 bytes', { h => { 'Sec-WebSocket-Key' =>
		'MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5' } }, 400 ],
	[ 'key with a space inside', { h => { 'Sec-WebSocket-Key' =>
		'dGhlIHNhbXBs ZSBub25jZQ==' } }, 400 ],
	[ 'key with other characters', { h => { 'Sec-WebSocket-Key' =>
		'dGhlIHNhbXBs!SBub25jZQ==' } }, 400 ],
	[ 'key with spaces around', { h => { 'Sec-WebSocket-Key' =>
		"  $KEY " } }, 101 ],

	[ 'version missing', { h => { 'Sec-WebSocket-Version' => undef } },
		qr/^4(?:00|26)/ ],
	[ 'version 8', { h => { 'Sec-WebSocket-Version' => 8 } }, 426 ],
	[ 'version 12', { h => { 'Sec-WebSocket-Version' => 12 } }, 426 ],
	[ 'version 14', { h => { 'Sec-WebSocket-Version' => 14 } }, 426 ],
	[ 'version 130', { h => { 'Sec-WebSocket-Version' => 130 } }, 426 ],
	[ 'version 1', { h => { 'Sec-WebSocket-Version' => 1 } }, 426 ],
	[ 'version -13', { h => { 'Sec-WebSocket-Version' => -13 } }, 426 ],
	[ 'version abc', { h => { 'Sec-WebSocket-Version' => 'abc' } }, 426 ],
	[ 'version empty', { h => { 'Sec-WebSocket-Version' => '' } },
		qr/^4(?:00|26)/ ],
	[ 'version twice', { more => [ 'Sec-WebSocket-Version: 8' ] },
		qr/^4(?:00|26)/ ],

	[ 'HTTP/1.0', { version => '1.0' }, qr/^4(?:00|26)/ ],
	[ 'POST', { method => 'POST', more => [ 'Content-Length: 0' ] },
		qr/^4(?:00|05)/ ],
	[ 'PUT', { method => 'PUT', more => [ 'Content-Length: 0' ] },
		qr/^4(?:00|05)/ ],
	[ 'DELETE', { method => 'DELETE' }, qr/^4(?:00|05)/ ],
	[ 'OPTIONS', { method => 'OPTIONS' }, qr/^4(?:00|05)/ ],
	[ 'HEAD', { method => 'HEAD' }, qr/^4/ ],
	[ 'a body', { more => [ 'Content-Length: 3' ], body => 'abc' }, 400 ],
	[ 'a chunked body', { more => [ 'Transfer-Encoding: chunked' ],
		body => "3\r\nabc\r\n0\r\n\r\n" }, 400 ],
	[ 'no Host', { h => { Host => undef } }, 400 ],

	[ 'permessage-deflate offered', { more => [
		'Sec-WebSocket-Extensions: permessage-deflate' ] }, 101 ],
	[ 'a subprotocol offered', { more => [
		'Sec-WebSocket-Protocol: chat' ] }, 101 ],
	[ 'a plain GET', { uri => '/websockets', h => { Upgrade => undef,
		Connection => 'close', 'Sec-WebSocket-Key' => undef,
		'Sec-WebSocket-Version' => undef } }, qr/^4(?:00|26)/ ],
	[ 'a plain GET, dialect 2', { uri => '/api/websockets', h => {
		Upgrade => undef, Connection => 'close',
		'Sec-WebSocket-Key' => undef,
		'Sec-WebSocket-Version' => undef } }, qr/^4(?:00|26)/ ],
);

for my $row (@matrix) {
	my ($name, $request, $want) = @$row;

	$want = qr/^$want/ unless ref $want;

	my $ws = answer(%$request);

	like($ws->status(), $want, $name);

	# RFC 9110, 15.5.22, and RFC 6455, 4.4
	if ($ws->status() == 426) {
		my ($header, $value) = $name =~ /version/
			? ('Sec-WebSocket-Version', '13') : ('Upgrade', 'websocket');

		is($ws->header($header), $value, "$name: says $header");
	}

	$ws->drop();
}

###############################################################################
# what a 101 says

my $ws = answer(more => [ 'Sec-WebSocket-Extensions: permessage-deflate',
	'Sec-WebSocket-Protocol: chat, binary' ]);

is($ws->header('Sec-WebSocket-Accept'), 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=',
	'accept key of RFC 6455, 1.3');
like($ws->header('Connection'), qr/^upgrade$/i, 'Connection');
like($ws->header('Upgrade'), qr/^websocket$/i, 'Upgrade');
is($ws->header('Sec-WebSocket-Extensions'), undef, 'no extension accepted');
is($ws->header('Sec-WebSocket-Protocol'), undef, 'no subprotocol chosen');
is($ws->header('Transfer-Encoding'), undef, 'not chunked');
is($ws->header('Content-Length'), undef, 'no length');

like($ws->wait_text(qr/./), qr/^MODE websockets$/, 'MODE comes first');
$ws->close();

###############################################################################
# bytes behind the request are the first frames

my $ping = Selkies::WebSocket::frame(9, 'early');

$ws = Selkies::WebSocket->new($t, behind => $ping);
ok($ws->wait_until(sub { "@{ $ws->{pongs} }" eq 'early' }),
	'a ping in the segment of the GET is answered');
ok($ws->round_trip(), 'and the socket works on');
$ws->close();

# half a frame behind the request, the rest later

$ws = Selkies::WebSocket->new($t, behind => substr $ping, 0, 5);
$ws->send_raw(substr $ping, 5);
ok($ws->wait_until(sub { "@{ $ws->{pongs} }" eq 'early' }),
	'a frame cut by the end of the request');
$ws->close();

# more than the header buffer holds

$ws = Selkies::WebSocket->new($t,
	behind => Selkies::WebSocket::frame(1, 'x' x 60000) . $ping);
ok($ws->wait_until(sub { "@{ $ws->{pongs} }" eq 'early' }),
	'60000 bytes behind the request');
$ws->close();

# the request itself octet by octet

my $raw = request();
my $s = IO::Socket::INET->new('127.0.0.1:' . $t->port());
$s->autoflush(1);
print $s $_ for split //, substr $raw, 0, length($raw) - 1;
like(Selkies::exchange($s, substr($raw, -1), headers_only => 1),
	qr/^HTTP\/1.1 101/, 'request octet by octet');
close $s;

###############################################################################
# gone between request and 101, or just after

for my $n (1 .. 20) {
	my $gone = IO::Socket::INET->new('127.0.0.1:' . $t->port());

	setsockopt $gone, Socket::SOL_SOCKET, Socket::SO_LINGER, pack 'ii', 1, 0
		if $n % 2;
	print $gone $raw;
	close $gone;
}

$ws = Selkies::WebSocket->new($t);
ok($ws->round_trip(), 'others are served after 20 that hung up');
$ws->close();

# what is not ours stays nginx's

like($t->http_get('/'), qr/the page/, 'static file in the same location');
like($t->http_get('/nothing'), qr/^HTTP\/1.1 404/, '404 for a missing file');
like($t->http_get('/health'), qr/^HTTP\/1.1 200/, 'health');
like($t->http_get('/api/health'), qr/^HTTP\/1.1 200/, 'api/health');
like($t->http("HEAD / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
	qr/^HTTP\/1.1 200/, 'HEAD on the page');
is(join("\n", grep { /\[error\]/ && !/open\(\) .* failed/ }
	split /\n/, $t->error_log()), '', 'misbehaving clients are not errors');

$t->done();
