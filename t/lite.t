#!/usr/bin/perl

# Copyright (C) ngx_selkies authors
# SPDX-License-Identifier: BSD-2-Clause

# Lite pictures: small changes coded without the encoder, for those who have
# said that they can show them, and only while nobody else watches.

use warnings;
use strict;

use Test::More;

use JSON::PP;

use lib 'lib', 't/lib';

use Selkies;
use Selkies::HTTP;
use Selkies::Picture;
use Selkies::WebSocket;
use Selkies::X;

my $t = Selkies->new(x => '1280x720', timeout => 120);

$t->simple(server => 'location /plain/ { %%SELKIES%% selkies_h264_lite off; }');

my $x = $t->x_client();

$x->tell('card');
$t->run();

sub ext {
	my ($ws, @want) = @_;

	$ws->forget();
	$ws->send_text('_ext,' . encode_json({ version => 'x', want => \@want }));

	my $answer = $ws->wait_text(qr/^_ext,/) || '_ext,{}';

	return join ' ', @{ decode_json(substr $answer, 5)->{have} || [] };
}

sub status {
	my (undef, $body) = split /\r\n\r\n/, $t->http_get('/api/status'), 2;

	return decode_json($body);
}

sub lites { status()->{statistics}{lites} }

# nal_ref_idc 0: nothing refers to it

sub is_lite {
	my ($frame) = @_;

	return $frame->{data} =~ /^\x00\x00\x00?\x01(.)/s && !(ord($1) & 0x60);
}

my $n = 0;

# A small change at another place and in another colour each time.

sub change {
	my ($ws, $name) = @_;

	my ($px, $py) = (40 + $n * 37 % 600, 500 + $n * 11 % 180);
	my $colour = sprintf '%02x%02x%02x', 60 + $n * 31 % 160,
		60 + $n * 17 % 160, 60 + $n * 53 % 160;

	$n++;
	$x->draw($px, $py, 8, 12, $colour);

	return ok($ws->wait_pixel($px + 4, $py + 6, $colour), $name);
}

my $c = Selkies::WebSocket->controller($t, 1280, 720);

$c->wait_quiet(0.6, 10);
change($c, 'a change, in dialect 1 alone');
is(lites(), 0, 'no lite picture for who has not asked');

like(ext($c, 'lite'), qr/\blite\b/, 'the server has lite pictures');

$c->wait_quiet(0.6, 10);
$c->forget();

my $before = lites();

change($c, "small change $_") for 1 .. 12;

my @lites = grep { is_lite($_) } @{ $c->{frames} };

cmp_ok(lites() - $before, '>=', 8, 'most of them are lite pictures');
cmp_ok(scalar @lites, '>=', 8, 'and came so');
is(scalar(grep { $_->{key} } @{ $c->{frames} }), 0, 'without a key');
is(scalar(grep { $_->{type} != 0 } @lites), 0, 'as deltas');
cmp_ok((sort { $a <=> $b } map { $_->{bytes} } @lites)[-1], '<=', 1210,
	'and none is large');

# nothing is kept back of what was only shown

$c->wait_quiet(0.6, 10);
ok($c->wait_picture(sub { $_[0]->card_distance() <= 4 }),
	'what did not change is as it was');

# a large change is no lite picture

$before = lites();
$x->draw(0, 0, 640, 360, '336699');
ok($c->wait_pixel(300, 300, '336699'), 'a large change');
is(lites(), $before, 'takes the encoder');

###############################################################################
# what moves is copied: noise, which costs much when it is coded

$x->tell('motion 30 320 160 256 192');
$c->run_for(0.3);
$x->tell('still');
$c->wait_quiet(0.8, 10);
$c->forget();

for my $i (0 .. 9) {
	my $n = $c->{nframes};

	$x->tell(sprintf 'copy 320 %d 256 192 0 16', 160 + 16 * $i);
	$c->wait_until(sub { $c->{nframes} > $n }, 3);
}

my @moved = grep { !is_lite($_) } @{ $c->{frames} };

note('bytes: ', join ' ', map { $_->{bytes} } @{ $c->{frames} });
cmp_ok(scalar @moved, '>=', 8, 'pictures of what moved');
is(scalar(grep { $_->{key} } @moved), 0, 'none is a key');
cmp_ok(percentile(50, map { $_->{bytes} } @moved), '<', 3000,
	'and they are small');

my $fresh = Selkies::WebSocket->viewer($t);

$c->wait_quiet(0.8, 10);
$fresh->wait_quiet(0.8, 10);

my @luma = map {
	my $data = $_->picture()->{data};

	join '', map { substr $data, $_ * 1280 + 320, 256 } 160 .. 511;
} $c, $fresh;
my $error = 0;

for my $i (0 .. length($luma[0]) - 1) {
	$error += abs(ord(substr $luma[0], $i, 1) - ord substr $luma[1], $i, 1);
}

cmp_ok($error / length $luma[0], '<', 2, 'a new client sees the same');
$fresh->close();
ok(wait_for(sub { status()->{display}{watchers} == 1 }, 3), 'it leaves');

###############################################################################
# one that takes no lite pictures sees what they showed, and ends them

$c->wait_quiet(0.6, 10);
change($c, 'a last lite picture');

my $v = Selkies::WebSocket->viewer($t);

my ($px, $py) = (40 + ($n - 1) * 37 % 600, 500 + ($n - 1) * 11 % 180);
my $colour = sprintf '%02x%02x%02x', 60 + ($n - 1) * 31 % 160,
	60 + ($n - 1) * 17 % 160, 60 + ($n - 1) * 53 % 160;

ok($v->wait_pixel($px + 4, $py + 6, $colour),
	'a viewer without lite pictures sees what the last one showed');
$before = lites();
change($c, 'a change');
change($v, 'another one, seen by the viewer');
is(lites(), $before, 'no lite picture while it watches');
is(scalar(grep { is_lite($_) } @{ $v->{frames} }), 0, 'it got none');
$v->close();
ok(wait_for(sub { status()->{display}{watchers} == 1 }, 3), 'it leaves');
$c->wait_quiet(0.6, 10);
change($c, 'a change');
cmp_ok(lites(), '>', $before, 'lite pictures again');

# one that does take them does not

$v = Selkies::WebSocket->viewer($t);
ext($v, 'lite');
$v->wait_quiet(0.6, 10);
$before = lites();
change($v, 'a viewer with lite pictures');
cmp_ok(lites(), '>', $before, 'gets them');

# a decoder that failed after all

ext($v);
$v->wait_quiet(0.6, 10);
$before = lites();
change($v, 'a viewer that took its word back');
is(lites(), $before, 'ends them');
ext($v, 'lite');
$v->wait_quiet(0.6, 10);
change($v, 'and once more');
cmp_ok(lites(), '>', $before, 'they go on');

###############################################################################
# who was away needs the newest one only

$v->pause();
$c->forget();

my $keys = () = grep { $_->{key} } @{ $v->{frames} };

change($c, "while the viewer is away, $_") for 1 .. 5;
$v->resume();
change($v, 'it is back');
is(scalar(grep { $_->{key} } @{ $v->{frames} }), $keys, 'without a key');
is($v->{close}, undef, 'and is still there');
$v->close();

###############################################################################
# switched off

$v = Selkies::WebSocket->viewer($t, path => '/plain/websockets');
unlike(ext($v, 'lite'), qr/\blite\b/, 'selkies_h264_lite off: not offered');
$v->wait_quiet(0.6, 10);
$before = lites();
change($v, 'a change');
is(lites(), $before, 'nor made');
$v->close();
$c->close();

$t->done();
