#!/usr/bin/perl

# Copyright (C) ngx_selkies authors
# SPDX-License-Identifier: BSD-2-Clause

# A stock viewer of dialect 1 can show whole pictures of H.264 alone: while one
# watches, that is what is encoded, and all are told so.

use warnings;
use strict;

use Test::More;

use lib 'lib', 't/lib';

use JSON::PP;

use Selkies;
use Selkies::HTTP;
use Selkies::Picture;
use Selkies::Rows;
use Selkies::X;

my $t = Selkies->new(x => '1280x720', timeout => 120, workers => 2);
my ($w, $h) = (640, 474);

$t->simple(listen => 'listen %%PORT_0%% reuseport;',
	server => 'location /jpeg/ { %%SELKIES%% selkies_encoder jpeg; }');

my $x = $t->x_client();

$x->tell('card');
$t->run();

sub told {
	my ($ws) = @_;

	my $text = $ws->wait_text(qr/server_settings/, 5) || '{}';
	my $entry = decode_json($text)->{settings}{encoder} || {};

	return join ' ', $entry->{value} || '?', @{ $entry->{allowed} || [] };
}

sub is_whole {
	my ($ws) = @_;

	return join(' ', sort keys %{ $ws->{rows} }) eq '0'
		&& !$ws->{rows}{0}[-1]{jpeg} && $ws->{rows}{0}[-1]{h} == $h;
}

for my $encoder (qw/ jpeg x264enc-striped /) {
	my $c = Selkies::Rows->controller($t, $w, $h, nowait => 1,
		settings => { encoder => "\"$encoder\"" });

	ok($c->wait_rows($h, 10), "$encoder: a controller");
	ok($c->wait_until(sub { !is_whole($c) }, 5), "$encoder: gets rows");

	# one that shows rows
	my $v = Selkies::Rows->viewer($t);

	ok($v->wait_rows($h, 5) && !is_whole($v), "$encoder: as our viewers do");
	$_->forget() for $c, $v;

	# one that does not
	my $stock = Selkies::WebSocket->viewer($t, nowait => 1);

	ok($stock->wait_picture(sub { $_[0]->card_distance() <= 4 }, 8),
		"$encoder: a stock viewer sees the picture");
	is($stock->{frames}[-1]{h}, $h, "$encoder: a whole one");
	is(scalar @{ $stock->{binaries} }, 0, "$encoder: and nothing else");
	is(told($c), 'x264enc x264enc', "$encoder: the controller is told");
	like(join(' ', @{ $c->{log} }),
		qr/server_settings.*PIPELINE_RESETTING primary/,
		"$encoder: before the reset");
	ok($c->wait_until(sub { is_whole($c) && is_whole($v) }, 5),
		"$encoder: all get whole pictures");
	ok($c->wait_picture(sub { $_[0]->card_distance() <= 4 }, 8),
		"$encoder: the right one");
	is(told($v), 'x264enc x264enc', "$encoder: other viewers are told");
	like($t->http_get('/api/status'), qr/"encoder":"x264enc"/,
		"$encoder: so does the status");

	# another one changes nothing, nor does its leaving
	$_->forget() for $c, $v;

	my $second = Selkies::WebSocket->viewer($t);

	$second->close();
	$c->round_trip();
	is(scalar(grep { /server_settings|RESETTING/ } @{ $c->{log} }), 0,
		"$encoder: a second one comes and goes");

	# the last one leaves
	$stock->close();
	like(told($c), qr/^\Q$encoder\E x264enc /,
		"$encoder: the controller may choose again");
	ok($c->wait_until(sub { !is_whole($c) && !is_whole($v) }, 5),
		"$encoder: and has what it chose");
	ok($c->wait_rows($h, 5), "$encoder: all of it");
	is("@{ $c->{errors} }@{ $v->{errors} }@{ $stock->{errors} }", '',
		"$encoder: no protocol errors");
	$_->close() for $c, $v;
}

###############################################################################
# a stock page does as it is told, and says so

my $c = Selkies::Rows->controller($t, $w, $h, nowait => 1,
	settings => { encoder => '"jpeg"' });

$c->wait_until(sub { $c->height() == $h && !is_whole($c) }, 10);
$c->forget();

my $stock = Selkies::WebSocket->viewer($t);

is(told($c), 'x264enc x264enc', 'a stock page is told');
$c->send_text(Selkies::WebSocket::settings($w, $h));
ok($c->wait_until(sub { is_whole($c) }, 5), 'and chooses so');
$stock->close();
is(told($c), 'x264enc x264enc x264enc-striped jpeg',
	'it keeps that, and may choose again');
$c->run_for(0.3);
ok(is_whole($c), 'its own choice');
$c->send_text(Selkies::WebSocket::settings($w, $h, encoder => '"jpeg"'));
ok($c->wait_until(sub { $c->height() == $h && !is_whole($c) }, 5),
	'which it can change');
$c->close();

###############################################################################
# where nothing else is allowed

$stock = Selkies::WebSocket->viewer($t, path => '/jpeg/websockets');
ok($stock->wait_picture(sub { $_[0]->card_distance() <= 4 }, 8),
	'a lone stock viewer where the encoder is jpeg');
$stock->close();

# dialect 2 shows rows

my $two = Selkies::Rows->new($t, path => '/jpeg/api/websockets');

$two->send_text('START_VIDEO');
ok($two->wait_until(sub { $two->{rows}{0} && $two->{rows}{0}[-1]{jpeg} }, 8),
	'a viewer of dialect 2 gets rows');
$two->close();

$t->done();
