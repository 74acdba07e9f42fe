#!/usr/bin/perl

# Copyright (C) ngx_selkies authors
# SPDX-License-Identifier: BSD-2-Clause

# nginx's own access control in front of the upgrade: auth_basic,
# auth_request, allow and deny, satisfy, limit_conn, limit_req.  Nobody who
# fails sees a 101.

use warnings;
use strict;

use Test::More;

use lib 'lib', 't/lib';

use Selkies;
use Selkies::WebSocket;

my $t = Selkies->new(x => 0);

$t->reserve_display();
$t->write_file('users', "user:{PLAIN}secret\nu\xc3\xa9:{PLAIN}pa ss%#\$'\"\n");
$t->simple(
	http => 'limit_conn_zone $server_port zone=conn:1m;
		limit_req_zone $server_port zone=req:1m rate=1r/m;
		limit_conn_status 429; limit_req_status 429;',
	server => '
	location /basic/ { %%SELKIES%%
		auth_basic desk; auth_basic_user_file %%TESTDIR%%/users; }
	location /request/ { %%SELKIES%% auth_request /verdict; }
	location = /verdict { internal;
		if ($http_x_let_me_in = please) { return 204; }
		return 403; }
	location /any/ { %%SELKIES%% satisfy any; allow 127.0.0.1; deny all;
		auth_basic desk; auth_basic_user_file %%TESTDIR%%/users; }
	location /either/ { %%SELKIES%% satisfy any; deny all;
		auth_basic desk; auth_basic_user_file %%TESTDIR%%/users; }
	location /deny/ { %%SELKIES%% deny all; }
	location /two/ { %%SELKIES%% limit_conn conn 2; }
	location /once/ { %%SELKIES%% limit_req zone=req; }
	location /viewer/ { %%SELKIES%% selkies_role viewer; }');
$t->run();

sub status {
	my ($path, %o) = @_;

	my $ws = Selkies::WebSocket->new($t, path => $path, %o);
	my $status = $ws->status();

	$ws->drop();

	return $status;
}

###############################################################################

is(status('/basic/websockets'), 401, 'no credentials');
is(status('/basic/websockets', auth => 'user:wrong'), 401, 'wrong password');
is(status('/basic/websockets', auth => 'nobody:secret'), 401, 'wrong user');
is(status('/basic/websockets', auth => 'user:'), 401, 'empty password');
is(status('/basic/websockets', auth => 'user:' . 'x' x 700), 401, 'long');
is(status('/basic/websockets', headers => [ 'Authorization: Bearer secret' ]),
	401, 'another scheme');
is(status('/basic/websockets', auth => 'user:secret'), 101, 'right');
is(status('/basic/websockets', auth => "u\xc3\xa9:pa ss%#\$'\""), 101,
	'odd characters');
is(status('/basic/websockets', auth => 'user:wrong', headers =>
	[ 'Sec-WebSocket-Version: 8' ]), 401,
	'a bad request of a stranger is a 401 all the same');

like($t->http_get('/basic/'), qr/^HTTP\/1.1 401.*WWW-Authenticate: Basic/s,
	'the page asks too');
like($t->http_get('/basic/health'), qr/^HTTP\/1.1 200/,
	'health needs no login');
like($t->http_get('/basic/health/ready'), qr/^HTTP\/1.1 503/,
	'nor does ready, which says there is no picture');
like($t->http_get('/basic/api/status'), qr/^HTTP\/1.1 401/,
	'api/status needs one');

my $ws = Selkies::WebSocket->new($t, path => '/basic/websockets',
	auth => 'user:secret');

ok($ws->round_trip(), 'a socket behind a login works');
$ws->close();

###############################################################################

is(status('/request/websockets'), 403, 'auth_request refuses');
is(status('/request/websockets', headers => [ 'X-Let-Me-In: please' ]), 101,
	'auth_request allows');
is(status('/deny/websockets'), 403, 'deny');
is(status('/any/websockets'), 101, 'satisfy any: by address');
is(status('/either/websockets'), 401, 'satisfy any: neither');
is(status('/either/websockets', auth => 'user:secret'), 101,
	'satisfy any: by password');

###############################################################################

my @two = map { Selkies::WebSocket->new($t, path => '/two/websockets') } 1, 2;

is($two[0]->status() . $two[1]->status(), '101101', 'limit_conn: two');
is(status('/two/websockets'), 429, 'the third is refused');
$two[0]->close();
ok(wait_for(sub { status('/two/websockets') == 101 }, 3),
	'free again after a close');
$two[1]->drop(reset => 1);
ok(wait_for(sub { status('/two/websockets') == 101 }, 3), 'and after a reset');

is(status('/once/websockets'), 101, 'limit_req: once');
is(status('/once/websockets'), 429, 'limit_req: not twice');

###############################################################################
# a location that only lets people watch

$ws = Selkies::WebSocket->new($t, path => '/viewer/websockets');
$ws->send_text(Selkies::WebSocket::settings(640, 480), 'r,640x480,primary');
ok($ws->round_trip(), 'a viewer may send SETTINGS');

my $controller = Selkies::WebSocket->new($t);

$controller->send_text(Selkies::WebSocket::settings(640, 480));
ok($controller->round_trip(), 'a controller claims');
ok($ws->round_trip(), 'the viewer was no owner');
is(scalar(grep { /^KILL/ } @{ $ws->{log} }), 0, 'and is not killed');
$_->close() for $ws, $controller;

ok($t->access_log() =~ /"GET \/basic\/websockets HTTP\/1.1" 101/,
	'access log: 101');
ok(($t->error_log() . $t->access_log()) !~ /secret/, 'no password in a log');

$t->done();
