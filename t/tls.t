#!/usr/bin/perl

# Copyright (C) ngx_selkies authors
# SPDX-License-Identifier: BSD-2-Clause

# The same over TLS: records and our writes, half read handshakes, a slow
# reader; and beside HTTP/2, which has no websocket in nginx.

use warnings;
use strict;

use Test::More;

use lib 'lib', 't/lib';

use Selkies;
use Selkies::WebSocket;
use Selkies::X;

plan(skip_all => 'no IO::Socket::SSL')
	unless eval { require IO::Socket::SSL; 1 };

my $t = Selkies->new(x => '1280x720');

plan(skip_all => 'no openssl') if system('openssl req -x509 -nodes -days 1'
	. ' -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -subj /CN=localhost'
	. " -keyout $t->{dir}/key.pem -out $t->{dir}/cert.pem >/dev/null 2>&1");

$t->simple(listen => '
	listen %%PORT_0%% ssl;
	listen %%PORT_1%% ssl http2;
	ssl_certificate %%TESTDIR%%/cert.pem;
	ssl_certificate_key %%TESTDIR%%/key.pem;');

my $x = $t->x_client();

$x->tell('card');
$t->run();

###############################################################################

my $c = Selkies::WebSocket->controller($t, 1280, 720, ssl => {});

ok($c->{accept_ok}, 'a 101 over TLS');
ok($c->wait_picture(sub { $_[0]->card_distance() <= 4 }), 'and a picture');

# large messages both ways: noise makes pictures of many records

$x->tell('motion 30 64 64 800 600');

my $f = $c->wait_frame(timeout => 5);

ok($c->wait_until(sub { grep { $_->{bytes} > 65536 } @{ $c->{frames} } }, 10),
	'a picture of many records');
$c->send_frame(2, "\x01" . 'x' x 1000000);
ok($c->round_trip(10), 'a large message to the server meanwhile');

# a reader that stops for a second and goes on

$c->pause();
select undef, undef, undef, 1;
$c->resume();
$c->forget();
ok($c->wait_frame(timeout => 5), 'goes on after a pause');
$x->tell('still');
$x->tell('card');
ok($c->wait_picture(sub { $_[0]->card_distance() <= 4 }, 10),
	'and the picture is whole');
is("@{ $c->{errors} }", '', 'no broken frame');

# the first frame in the same record as the request

my $ws = Selkies::WebSocket->new($t, ssl => {},
	behind => Selkies::WebSocket::frame(9, 'early'));

ok($ws->wait_until(sub { "@{ $ws->{pongs} }" eq 'early' }),
	'a ping in the record of the request');
$ws->close();
ok($ws->{close}, 'the close frame is answered over TLS');

$ws = Selkies::WebSocket->new($t, ssl => {}, auth => 'x:y',
	origin => 'https://127.0.0.1:' . $t->port());
is($ws->status(), 101, 'same origin by https');
$ws->drop();

# gone without close_notify

$ws = Selkies::WebSocket->viewer($t, ssl => {});
$ws->drop(reset => 1);
ok($c->round_trip(), 'a reset beside it');

###############################################################################
# HTTP/2 is offered: a websocket client that names http/1.1 gets its socket

$ws = Selkies::WebSocket->new($t, port => $t->port(1),
	ssl => { SSL_alpn_protocols => [ 'http/1.1' ] });
is($ws->status(), 101, 'listen ... http2, ALPN http/1.1');
ok($ws->round_trip(), 'works');
$ws->close();

SKIP: {
	my $curl = `curl --version 2>/dev/null`;

	skip 'no curl with HTTP/2', 1 unless $curl =~ /HTTP2/;

	my $code = `curl -sk --http2 -o /dev/null -w '%{http_version} %{http_code}' https://127.0.0.1:@{[ $t->port(1) ]}/websockets`;

	like($code, qr/^2 4(?:00|26)$/, 'a plain h2 request is refused');
}

# reload with a TLS client: the close frame arrives

$t->reload();
ok($c->wait_close(5), 'a close frame on reload');
is($c->{close} && $c->{close}{code}, 1012, 'with code 1012');
$c->drop();

$t->done();
