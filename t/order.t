#!/usr/bin/perl

# Copyright (C) ngx_selkies authors
# SPDX-License-Identifier: BSD-2-Clause

# What stock pages say early, or say no more: messages that come before the
# claim wait for it, in their order; a key that the heartbeat of dialect 2 no
# longer names is let go, one of a page without a heartbeat is not.

use warnings;
use strict;

use Test::More;

use lib 'lib', 't/lib';

use JSON::PP;

use Selkies;
use Selkies::HTTP;
use Selkies::WebSocket;
use Selkies::X;

my $t = Selkies->new(x => '1280x720', timeout => 60);

$t->simple();

my $x = $t->x_client();

$x->tell('card');
$t->run();

sub display {
	return decode_json(($t->http_get('/api/status')
		=~ /\r\n\r\n(.*)/s)[0])->{display};
}

###############################################################################
# before the claim

my $early = Selkies::WebSocket->new($t);

$early->{auto_ack} = 1;
$early->send_text('START_AUDIO', 'r,500x300,primary', 's,120',
	'r,700x500,display2', 'r,640x400,primary', 's,144', 'kd,97', 'm,9,9,1,0');
$early->round_trip();
$early->run_for(0.3);
unlike($x->size(), qr/^(?:500x300|700x500|640x400)$/,
	'before the claim nothing is done');
is(join(' ', grep { /^(?:key|button)/ } $x->events()), '',
	'and what is not to be kept is lost');
$early->send_text(Selkies::WebSocket::settings(900, 600));
ok($early->wait_frame(key => 1, w => 640, h => 400, timeout => 10),
	'with the claim it is: the last size of this screen');
ok(wait_for(sub { $x->size() eq '640x400' }, 5), 'X has it');
ok(wait_for(sub { display()->{dpi} == 144 }, 5), 'the last DPI');
ok((grep { /^AUDIO_(?:STARTED|STOPPED)/ } @{ $early->{log} }),
	'and an answer about sound');
is(join(' ', $x->keys()), '', 'no key of then is down');

# who floods that queue is heard all the same

my $flood = Selkies::WebSocket->new($t);

$flood->send_text(map { "r,${_}x300,primary" } 300 .. 900);
$flood->send_text(Selkies::WebSocket::settings(800, 600));
$flood->{auto_ack} = 1;
ok($flood->wait_frame(key => 1, timeout => 10), 'a long queue is no harm');
$flood->send_text('r,800x600,primary');
ok(wait_for(sub { $x->size() eq '800x600' }, 5), 'nor is what follows lost');

###############################################################################
# heartbeats; one falls silent about Control

sub held { join ' ', sort { $a <=> $b } $x->keys() }

# a page of dialect 1 has none: it may hold a key as long as it is there

$flood->send_text('kd,97');
ok(wait_for(sub { held() ne '' }, 3), 'dialect 1: a key is held');

my $since = now_ms();

$flood->run_for(0.1) while now_ms() - $since < 2600;
isnt(held(), '', 'and is, as long as its page wants');
$flood->send_text('ku,97');
ok(wait_for(sub { held() eq '' }, 3), 'until it says so');
$flood->close();

my $c = Selkies::WebSocket->new($t, path => '/api/websockets');

$c->{auto_ack} = 1;
$c->send_text('SETTINGS,{"displayId":"primary","initialClientWidth":800,'
	. '"initialClientHeight":600}');
$c->wait_frame(key => 1, timeout => 10);
$c->send_text('kd,65507', 'kd,97', 'kh,65507,97');
ok(wait_for(sub { 2 == (() = held() =~ /\d+/g) }, 3),
	'dialect 2: Control and a key');

my $both = held();

# the key that a lost message was to lift is named no more

$since = now_ms();

my $seen;

while (now_ms() - $since < 4000 * slower()) {
	$c->send_text('kh,97', 'kh,97,98,99');
	$c->run_for(0.1);
	last if ($seen = held()) ne $both;
}

my $ms = now_ms() - $since;

like($seen, qr/^\d+$/, 'one that is named no more is let go, the other not');
cmp_ok($ms, '>', 1500, 'not at once');
cmp_ok($ms, '<', 2500 * slower(), 'after two seconds');
is(scalar(grep { /^key press \d+ 0x6[23]/ } $x->events()), 0,
	'one that is only named is not pressed');
$c->send_text('ku,97', 'kh');
ok(wait_for(sub { held() eq '' }, 3), 'all are let go');
$c->close();

$t->done();
