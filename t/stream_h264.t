#!/usr/bin/perl

# Copyright (C) ngx_selkies authors
# SPDX-License-Identifier: BSD-2-Clause

# The picture of dialect 1: order of the start, the 0x04 header, the stream's
# parameters, the pixels, when key frames come and when nothing may come.

use warnings;
use strict;

use Test::More;

use lib 'lib', 't/lib';

use Selkies;
use Selkies::Picture;
use Selkies::WebSocket;
use Selkies::X;

my $t = Selkies->new(x => '1920x1080');

$t->simple();

my $x = $t->x_client();

$x->tell('card');
$t->run();

###############################################################################
# the start

my $c = Selkies::WebSocket->controller($t, 1280, 720, nowait => 1);

ok($c->wait_until(sub { $c->{nframes} }, 10), 'a picture comes');

my @log = @{ $c->{log} };
my ($mode, $settings, $resolution, $displays, $key) = map {
	my $re = $_;
	(grep { $log[$_] =~ $re } 0 .. $#log)[0];
} qr/^MODE websockets$/, qr/server_settings/, qr/stream_resolution/,
	qr/^DISPLAY_CONFIG_UPDATE/, qr/^key /;

is($mode, 0, 'MODE is the first message');
ok(defined $settings && $settings > $mode, 'server_settings after MODE');
ok(defined $resolution, 'stream_resolution');
ok(defined $displays, 'DISPLAY_CONFIG_UPDATE');
ok(defined $key && defined $resolution && $resolution < $key,
	'stream_resolution before the first picture');

my ($update) = grep { /^DISPLAY_CONFIG_UPDATE/ } @{ $c->{texts} };

is($update, 'DISPLAY_CONFIG_UPDATE,{"type":"display_config_update",'
	. '"displays":["primary"]}', 'its displays');

my $f = $c->{frames}[0];

is($f->{type}, 1, 'the first picture is a key');
is("$f->{w}x$f->{h} at $f->{y}", '1280x720 at 0', 'its header');
is($x->size(), '1280x720', 'the X screen has that size');

###############################################################################
# the bitstream

my @nals = map { ord($_) & 31 } Selkies::Picture->nals($f->{data});

like("@nals", qr/\b7\b.*\b8\b.*\b5\b/, 'SPS, PPS and IDR in one message');
like(substr($f->{data}, 0, 5), qr/^\x00\x00\x00?\x01/, 'Annex B');

my ($nal) = grep { (ord($_) & 31) == 7 } Selkies::Picture->nals($f->{data});
my $sps = Selkies::Picture->sps($nal);

is($sps->{profile}, 66, 'baseline');
is($sps->{constraints} & 0x40, 0x40, 'constrained');
is($sps->{references}, 2, 'two references: one is ours');
is("$sps->{width}x$sps->{height}", '1280x720', 'size in the SPS');
is($sps->{colour}, '1/1/1', 'tagged BT.709');
is($sps->{full_range}, 0, 'limited range');
cmp_ok(scalar(grep { $_ == 5 } @nals), '<=', 4, 'at most 4 slices');

###############################################################################
# the pixels

my $p = $c->wait_picture(sub { $_[0]->card_distance() <= 4 }, 5);

ok($p, 'every patch within 4 of 255')
	or diag('worst: ' . $c->picture()->card_distance());

###############################################################################
# a static screen: nothing moves once it is settled

ok($c->wait_quiet(1.5, 20), 'the stream settles');
$c->forget();
$c->run_for(2);
is(scalar @{ $c->{frames} }, 0, 'no frame while nothing changes');

# the same pixels again are no change

$x->tell('card');
$c->run_for(1);
is(scalar @{ $c->{frames} }, 0, 'a repaint with the same pixels is no frame');

###############################################################################
# a key on request, though nothing changes

$c->send_text('REQUEST_KEYFRAME');
$f = $c->wait_frame(timeout => 3);

ok($f && $f->{key}, 'REQUEST_KEYFRAME');
is($f && (grep { (ord($_) & 31) == 5 } Selkies::Picture->nals($f->{data}))
	? 1 : 0, 1, 'it holds an IDR');

$c->wait_quiet(1, 10);
$c->forget();
$c->send_text('STOP_VIDEO');
ok($c->wait_text(qr/^VIDEO_STOPPED$/), 'VIDEO_STOPPED');
$c->forget();
$x->draw(10, 10, 50, 50, 'ff00ff');
$c->run_for(0.7);
is(scalar @{ $c->{frames} }, 0, 'stopped means no frames');

$c->send_text('START_VIDEO');
ok($c->wait_text(qr/^VIDEO_STARTED$/), 'VIDEO_STARTED');
$f = $c->wait_frame(timeout => 3);
ok($f && $f->{key}, 'a key after START_VIDEO');
ok($c->wait_pixel(35, 35, 'ff00ff', 3), 'with what was drawn meanwhile');

###############################################################################
# changes: deltas, the type byte tells the truth, ids grow

$c->forget();

for my $i (1 .. 10) {
	$x->draw(100 + 64 * $i, 500, 32, 32, $i % 2 ? 'ffffff' : '000000');
	ok($c->wait_frame(timeout => 2), "change $i comes");
}

ok($c->wait_pixel(100 + 64 * 9 + 16, 516, 'ffffff', 3), 'and is there');

my (@lies, @order, $last);

$x->tell('scene 30');
$c->wait_until(sub { @{ $c->{frames} } > 30 }, 5);
$c->send_text('REQUEST_KEYFRAME');
$c->wait_until(sub { grep { $_->{key} } @{ $c->{frames} } }, 3);
$c->wait_until(sub { @{ $c->{frames} } > 60 }, 5);
$x->tell('still');

for my $f (@{ $c->{frames} }) {
	my $idr = grep { (ord($_) & 31) == 5 } Selkies::Picture->nals($f->{data});

	push @lies, $f->{id} if !!$idr != !!$f->{key};
	push @order, $f->{id}
		if defined $last && !$f->{key}
			&& (($f->{id} - $last) & 0xffff) > 0x7fff;
	$last = $f->{id};
}

is("@lies", '', 'the type byte says what the picture is');
# a key may come from the join cache, with the id it had
is("@order", '', 'frame ids grow from key to key');
cmp_ok(scalar @{ $c->{frames} }, '>', 60, 'a moving scene moves');
is(scalar(grep { $_->{key} } @{ $c->{frames} }), 1, 'one key for one request');

###############################################################################
# a flood of requests is merged (trust.md 4: 2 /s a client)

$c->wait_quiet(0.7, 10);
$c->forget();
$c->send_text(('REQUEST_KEYFRAME') x 200);
$c->run_for(2);

my $keys = grep { $_->{key} } @{ $c->{frames} };

cmp_ok($keys, '>=', 1, 'a flood of key-frame requests is served');
cmp_ok($keys, '<=', 6, 'and merged') or diag($keys);

###############################################################################

# another client finds a picture on the same static screen; the patch is the
# last thing drawn, so that no older picture of a join can show it

$x->draw(700, 500, 40, 40, '30f0a0');
ok($c->wait_pixel(720, 520, '30f0a0', 3), 'the last change');
is("@{ $c->{errors} }", '', 'no protocol error of the server');
$c->close();

$c = Selkies::WebSocket->controller($t, 1280, 720);
ok($c->wait_pixel(720, 520, '30f0a0', 3), 'a later client sees the same screen');
$c->close();

$t->done();
