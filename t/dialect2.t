#!/usr/bin/perl

# Copyright (C) ngx_selkies authors
# SPDX-License-Identifier: BSD-2-Clause

# Dialect 2, at api/websockets: an owner's and a viewer's start message for
# message, its names and units, SETTINGS as a patch, link pages that say what
# they are, and both dialects at one desktop.

use warnings;
use strict;

use Test::More;

use lib 'lib', 't/lib';

use JSON::PP;

use Selkies;
use Selkies::HTTP;
use Selkies::WebSocket;
use Selkies::X;

my $t = Selkies->new(x => '1280x720', timeout => 120);

$t->simple(server => '
	location /half/ { %%SELKIES%%
		selkies_enable_shared off; selkies_enable_player3 off; }
	location /closed/ { %%SELKIES%% selkies_enable_sharing off; }
	location /guest/ { %%SELKIES%% selkies_role viewer; }');
$t->write_file('html/index.html', 'the page');

my $x = $t->x_client();

$x->tell('card');
$t->run();

my $D2 = '/api/websockets';
my $DISPLAYS = 'DISPLAY_CONFIG_UPDATE,'
	. '{"type":"display_config_update","displays":["primary"]}';

# Texts in order, less what comes by the clock or belongs to other parts.

sub texts {
	my ($ws) = @_;

	return grep { !/^(?:clipboard|AUDIO_|\{"type":"\w+_stats")/ }
		@{ $ws->{texts} };
}

# What was said and shown, a word each.

sub story {
	my ($ws) = @_;

	return join ' ', map { /^\{"type":"(\w+)"/ ? $1 : /^([\w ]+)/ ? $1 : $_ }
		grep { !/^(?:clipboard|AUDIO_|\{"type":"\w+_stats")/ }
		@{ $ws->{log} };
}

# The SETTINGS of a page whose user has chosen nothing but what is given.

sub settings {
	my ($w, $h, %o) = @_;

	return 'SETTINGS,' . JSON::PP->new()->canonical()->encode({
		initialClientWidth => $w, initialClientHeight => $h,
		displayId => 'primary', scaling_dpi => 96,
		useCssScaling => JSON::PP::false,
		audioRedundancy => JSON::PP::true, keyboardLayout => 'de', %o });
}

sub patch { 'SETTINGS,' . JSON::PP->new()->canonical()->encode({ @_ }) }

sub owner {
	my ($w, $h, %o) = @_;

	my $ws = Selkies::WebSocket->new($t, path => $D2);

	$ws->{auto_ack} = 1;
	$ws->send_text('_gz,1', settings($w, $h, %o), 'cr');
	$ws->wait_frame(key => 1, w => $w, h => $h)
		or die 'no key: ' . story($ws) . "\n";

	return $ws;
}

sub viewer {
	my (%o) = @_;

	my $ws = Selkies::WebSocket->new($t, path => "$D2?role=viewer", %o);

	$ws->send_text('_gz,1', 'cr');
	$ws->wait_text(qr/^MODE/) or die "no MODE\n";
	$ws->send_text('kr', 'STOP_VIDEO');
	$ws->send_text('START_VIDEO');

	return $ws;
}

sub status { decode_json(($t->http_get('/api/status') =~ /\r\n\r\n(.*)/s)[0]) }

###############################################################################
# who owns a second desk's worth of sockets: refused later, while others work

my $waits = Selkies::WebSocket->new($t, path => '/closed/websockets');
my $since = clock();

###############################################################################
# plain HTTP

like($t->http_get($D2), qr/^HTTP\/1.1 426 /, 'a plain GET is answered 426');

my $state = status();

is($state->{current_mode}, 'websockets', 'api/status: current_mode');
is_deeply($state->{available_modes}, [ 'websockets' ], 'available_modes');
is_deeply($state->{enable_dual_mode}, JSON::PP::false, 'enable_dual_mode');

for my $path (qw! /api/switch /switch !) {
	my $answer = $t->http("POST $path HTTP/1.1\r\nHost: localhost\r\n"
		. "Connection: close\r\nContent-Length: 17\r\n\r\n"
		. '{"mode":"webrtc"}');

	like($answer, qr/^HTTP\/1.1 403 .*^Content-Type: application\/json/ms,
		"POST $path: 403");
	is(decode_json(($answer =~ /\r\n\r\n(.*)/s)[0])->{status}, 'error',
		"POST $path: says so in JSON");
	like($t->http_get($path), qr/^HTTP\/1.1 405 /, "GET $path: 405");
}

like($t->http("HEAD / HTTP/1.1\r\nHost: localhost\r\n"
	. "Connection: close\r\n\r\n"), qr/^HTTP\/1.1 200 /, 'HEAD on the page');

###############################################################################
# an owner's start

my $c = Selkies::WebSocket->new($t, path => $D2);

$c->wait_until(sub { grep { /server_settings/ } @{ $c->{texts} } });

my @first = texts($c);

@first = grep { !/^cursor,/ } @first;
is($first[0], 'MODE websockets', 'MODE comes first');
is($first[1], $DISPLAYS, 'then the displays there are');

my $told = decode_json($first[2]);

is($told->{type}, 'server_settings', 'then the settings');
is($told->{displayId}, 'primary', 'of a display');
is(scalar @first, 3, 'and no more');

my $s = $told->{settings};

is_deeply($s->{encoder}, { value => 'h264enc', overridden => JSON::PP::false,
	allowed => [ qw/ h264enc h264enc-striped jpeg / ] }, 'encoders');
is_deeply($s->{video_bitrate}, { value => [ 1000, 100000 ], min => 1000,
	max => 100000, default => 8000, overridden => JSON::PP::false },
	'bit rates in kbit/s');
is_deeply($s->{ws_max_message_bytes}{value}, 1048576, 'ws_max_message_bytes');
is(join(' ', grep { !exists $s->{$_} } qw/ video_crf video_fullcolor
	video_streaming_mode video_paintover_crf video_paintover_burst_frames
	enable_clipboard enable_resize ui_sidebar_show_shortcuts /), '',
	'names of dialect 2');
is(join(' ', grep { /^h264_/ } keys %$s), '', 'and none of dialect 1');
is_deeply($s->{manual_resolution}, $s->{is_manual_resolution_mode},
	'a name that was changed: the old one, too');
is_deeply($s->{manual_resolution}{value}, JSON::PP::false, 'both say the same');
is(join(' ', grep { !JSON::PP::is_bool($s->{$_}{overridden}) } sort keys %$s),
	'', 'every entry says whether the operator set it');

$c->forget();
$c->{auto_ack} = 1;
$c->send_text('_gz,1', settings(1000, 600), 'cr');
ok($c->wait_until(sub { grep { $_->{key} && $_->{w} == 1000 }
	@{ $c->{frames} } }), 'pictures');
is(join("\n", grep { !/^cursor/ } texts($c)),
	qq({"type":"stream_resolution","width":1000,"height":600,)
	. qq("displayId":"primary"}\n$DISPLAYS),
	'size with its display, then the displays, and nothing else');
ok(!(grep { /^_gz/ } @{ $c->{texts} }), 'compression is not agreed to');

# the redundant r that follows, and a hint alone

$c->wait_quiet(0.7, 10);
$c->forget();
$c->send_text('r,1000x600,primary', patch(keyboardLayout => 'ch(fr)'),
	patch(nothing => 1, force_aligned_resolution => 'maybe'));
$c->round_trip();
$c->run_for(0.3);
is(story($c), '', 'a redundant r, a hint, an unknown key: nothing happens');

###############################################################################
# SETTINGS is a patch

$c->send_text(patch(framerate => 30));
$c->send_text(patch(video_crf => 11));
$c->round_trip();
is(status()->{display}{framerate}, 30, 'what is not named stays');
$c->wait_quiet(0.7, 10);
$x->draw(10, 10, 60, 60, 'ff8000');
ok($c->wait_pixel(40, 40, 'ff8000', 3, 30), 'the stream goes on');
is(status()->{display}{qp}, 11, 'and what is named is changed');
$c->send_text(patch(video_crf => 'much', encoder => 'vp9', framerate => 9999));
$c->round_trip();
is(status()->{display}{framerate}, 240, 'beyond the range is its end');
is(status()->{display}{encoder}, 'x264enc', 'no such encoder: none is changed');
$c->send_text(patch(framerate => 60));

# a page has one screen: of what it says of another nothing is in force, not
# later either

$c->send_text(patch(displayId => 'display2', framerate => 17, video_crf => 44),
	patch(displayId => 'no screen', framerate => 18, video_crf => 43),
	patch(displayId => 'x' x 300, framerate => 19, video_crf => 42),
	patch(use_paint_over_quality => JSON::PP::true));
$c->round_trip();
$state = status();
is(join(' ', map { $state->{display}{$_} } qw/ framerate qp /), '60 11',
	'SETTINGS of another screen are not this one\'s');

$c->send_text(patch(force_aligned_resolution => JSON::PP::true),
	'r,1010x610,primary');
ok($c->wait_frame(key => 1, w => 1008, h => 608),
	'force_aligned_resolution: multiples of 16');
$c->send_text(patch(force_aligned_resolution => JSON::PP::false),
	'r,1000x600,primary');
ok($c->wait_frame(key => 1, w => 1000, h => 600), 'and back');

# the size by hand, under either name; new pages say what they have held back

for my $name (qw/ manual_resolution is_manual_resolution_mode /) {
	$c->send_text(patch($name => JSON::PP::true, manual_width => 700,
		manual_height => 500), 'CLIENT_FRAME_ACK 1 40');
	ok($c->wait_frame(key => 1, w => 700, h => 500), "$name: by hand");
	$c->send_text(patch($name => JSON::PP::false), 'r,1000x600,primary');
	ok($c->wait_frame(key => 1, w => 1000, h => 600), "$name: and back");
}

###############################################################################
# the tab is hidden and shown again

$c->wait_quiet(0.7, 10);
$c->forget();
$c->send_text('STOP_VIDEO');
is($c->wait_text(qr/^VIDEO/), 'VIDEO_STOPPED', 'STOP_VIDEO');
$c->forget();
$c->send_text('START_VIDEO');
$c->wait_frame(key => 1);

# nobody watched: the capture may have ended, then the reset comes with it

my $reset = qr/stream_resolution (?:DISPLAY_CONFIG_UPDATE )?PIPELINE_RESETTING primary/;

like(story($c), qr/^cursor (?:$reset VIDEO_STARTED|VIDEO_STARTED $reset) key/,
	'START_VIDEO: the cursor, which it has cleared, and a reset');

$c->wait_quiet(0.7, 10);
$c->forget();
$c->send_text('START_VIDEO');
$c->wait_frame(key => 1);
like(story($c), qr/PIPELINE_RESETTING primary VIDEO_STARTED key/,
	'while it runs: the reset before VIDEO_STARTED');

# a still screen

for my $n (1, 2) {
	$c->wait_quiet(0.7, 10);
	$c->forget();
	$c->send_text('REQUEST_KEYFRAME');
	ok($c->wait_frame(key => 1), "REQUEST_KEYFRAME on a still screen, $n");
	is(story($c) =~ /PIPELINE|VIDEO_/ ? 1 : 0, 0, 'and no reset');
}

###############################################################################
# a viewer's start

my $v = Selkies::WebSocket->new($t, path => "$D2?role=viewer");

$v->wait_until(sub { grep { /server_settings/ } @{ $v->{texts} } });
like(story($v), qr/^MODE\ websockets\ DISPLAY_CONFIG_UPDATE\ cursor\ 
	server_settings$/x, 'a viewer is told the same');
$v->forget();
$v->send_text('_gz,1', 'cr', 'kr', 'STOP_VIDEO');
$v->round_trip();
$v->send_text('START_VIDEO');
ok($v->wait_until(sub { 2 == grep { $_->{key} } @{ $v->{frames} } }),
	'it gets two keys');
like(story($v), qr/^cursor\ stream_resolution\ (?:DISPLAY_CONFIG_UPDATE\ )?
	PIPELINE_RESETTING\ primary\ key\ \S+\ (?:delta\ \S+\ )*key/x,
	'behind cursor, size and reset');

# what it may not

my @before = ($x->size(), $x->pointer());

$v->forget();
$c->forget();
$v->send_text(settings(640, 480), 'r,640x480,primary', 'm,1,1,0,0', 'kd,97');
ok($v->wait_frame(key => 1), 'SETTINGS of a viewer: a key');
is(join(' ', $x->size(), $x->pointer()), "@before", 'and it owns nothing');
ok(!(grep { /^(?:KILL|PIPELINE)/ } @{ $c->{log} }), 'the owner is not disturbed');

$v->wait_quiet(0.7, 10);
$v->forget();
$v->send_text('REQUEST_KEYFRAME');
ok($v->wait_frame(key => 1), 'REQUEST_KEYFRAME of a viewer');

# the owner's hidden tab

$c->send_text('STOP_VIDEO');
$c->wait_text(qr/^VIDEO_STOPPED/);
$v->forget();
$x->draw(300, 100, 80, 80, '00ff00');
ok($v->wait_pixel(340, 140, '00ff00'), 'a hidden owner stops no viewer');
$c->send_text('START_VIDEO');
ok($c->wait_frame(key => 1), 'it is back');

###############################################################################
# a viewer of dialect 1 beside an owner of dialect 2

my $one = Selkies::WebSocket->viewer($t);

like((grep { /server_settings/ } @{ $one->{texts} }, @{ $one->{log} })[0] || '',
	qr/server_settings/, 'a viewer of dialect 1 is told settings');
$_->forget() for $one, $c, $v;
$c->send_text('r,900x500,primary');
$_->wait_frame(key => 1, w => 900, h => 500) for $one, $v, $c;
is((grep { /stream_resolution/ } @{ $one->{texts} })[0],
	'{"type":"stream_resolution","width":900,"height":500}',
	'dialect 1: no displayId');
is((grep { /stream_resolution/ } @{ $v->{texts} })[0],
	'{"type":"stream_resolution","width":900,"height":500,'
	. '"displayId":"primary"}', 'dialect 2: with it');
$x->draw(20, 300, 60, 60, '4080ff');
ok($_->wait_pixel(50, 330, '4080ff', 3, 30), 'all see the same')
	for $one, $v, $c;

# rows are not for it: while it watches, whole pictures take their place

$_->forget() for $one, $c, $v;
$c->send_text(patch(encoder => 'h264enc-striped'));

my $text = $c->wait_text(qr/server_settings/);

is($text && decode_json($text)->{settings}{encoder}{value}, 'h264enc',
	'stripes are wanted, whole pictures in force: the owner is told');
is_deeply($text && decode_json($text)->{settings}{encoder}{allowed},
	[ 'h264enc' ], 'and that there is no choice');
$one->close();

for my $ws ($c, $v) {
	$text = $ws->wait_text(qr/server_settings.*"h264enc-striped",
		"allowed/x);
	is($text && decode_json($text)->{displayId}, 'primary',
		'it is gone: stripes, and all are told');
}

$c->forget();
$v->forget();
$c->send_text(patch(encoder => 'openh264enc'));

for my $ws ($c, $v) {
	$text = $ws->wait_text(qr/server_settings/);
	is($text && decode_json($text)->{settings}{encoder}{value}, 'h264enc',
		'a name of another server means the one there is');
}

ok($c->wait_frame(key => 1, w => 900, h => 500),
	'with a key for the decoders made anew');

###############################################################################
# takeover from one dialect by the other

my $d1 = Selkies::WebSocket->controller($t, 900, 500);

is($c->wait_text(qr/^KILL/),
	'KILL a new primary client connected connection killed',
	'dialect 1 takes over');
ok($c->wait_close(), 'the old owner is closed');
is($c->{close}{code} . ' ' . $c->{close}{reason},
	'1000 Superseded by new client', 'with words it looks for');

$d1->forget();
$c = owner(900, 500);
like(story($c), qr/PIPELINE_RESETTING primary.*key/,
	'dialect 2 takes over, warm: a reset and a key');
ok($d1->wait_text(qr/^KILL a new primary client/), 'and says so');

###############################################################################
# link pages

my @links = (
	# path, query, reason or undef
	[ '/half', 'role=viewer', 'Sharing is disabled on this server.' ],
	[ '/half', 'role=viewer&slot=2', undef ],
	[ '/half', 'role=viewer&slot=3', 'Player 3 is disabled on this server.' ],
	[ '/half', 'role=viewer&slot=1', 'Sharing is disabled on this server.' ],
	[ '/half', 'slot=2', undef ],
	[ '/closed', 'role=viewer', 'Sharing is disabled on this server.' ],
	[ '/closed', 'role=viewer&slot=4',
		'Player 4 is disabled on this server.' ],
	[ '', 'role=viewer&slot=4', undef ],
	[ '', 'role=controller', undef ],
);

for my $row (@links) {
	my ($path, $query, $reason) = @$row;
	my $ws = Selkies::WebSocket->new($t, path => "$path$D2?$query");
	my $name = "$path?$query";

	if (!defined $reason) {
		like($ws->wait_text(qr/./), qr/^MODE/, "$name: welcome");
		$ws->close();
		next;
	}

	is($ws->wait_text(qr/./), "KILL $reason", "$name: told why not");
	ok($ws->wait_close() && $ws->{close}{code} == 1008, "$name: 1008");
	is(join(' ', @{ $ws->{log} }), "KILL $reason close 1008",
		"$name: and nothing else");
}

# only a login's own role is told: who says it himself knows

my $guest = Selkies::WebSocket->new($t, path => "/guest$D2?role=viewer&slot=2");

is($guest->wait_text(qr/./), 'AUTH_SUCCESS,{"role":"viewer","slot":null}',
	'a login that may only watch has no slot, whatever the query says');
like($guest->wait_text(qr/./), qr/^MODE/, 'then MODE');
$guest->close();

my $raised = Selkies::WebSocket->new($t, path => "/guest$D2?role=controller");

$raised->send_text(settings(640, 480));
$raised->round_trip();
$raised->run_for(0.3);
is($x->size(), '900x500', 'a query raises nobody');
$raised->close();

###############################################################################
# where nobody may watch, an owner is welcome, others get nothing and go

my $closed = Selkies::WebSocket->new($t, path => "/closed$D2");

$closed->{auto_ack} = 1;
$closed->send_text(settings(900, 500));
ok($closed->wait_frame(key => 1), 'no sharing: who claims controls');

$waits->send_text('START_VIDEO', 'REQUEST_KEYFRAME');
ok($waits->wait_text(qr/^KILL Sharing is disabled/,
	15 - (clock() - $since)), 'who claims nothing is told');
ok($waits->wait_close() && $waits->{close}{code} == 1008, 'and closed');
is(scalar @{ $waits->{frames} }, 0, 'and has seen nothing');
ok(!$closed->{close}, 'the owner stays');
$closed->close();

$t->done();
