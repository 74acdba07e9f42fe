#!/usr/bin/perl

# Copyright (C) ngx_selkies authors
# SPDX-License-Identifier: BSD-2-Clause

# server_settings and SETTINGS: the table a stock client needs, nothing secret
# in it, and what a claim does and does not set in motion.

use warnings;
use strict;

use Test::More;

use lib 'lib', 't/lib';

use JSON::PP;

use Selkies;
use Selkies::WebSocket;
use Selkies::X;

my $t = Selkies->new(x => '1920x1080', timeout => 90);

$t->simple(server => '
	location /policy/ { %%SELKIES%%
		selkies_framerate 30; selkies_h264_crf 10-20;
		selkies_audio_enabled false|locked; selkies_file_transfers none;
		selkies_encoder x264enc; selkies_ui_title "My \"desk\"";
		selkies_second_screen off; }');

my $x = $t->x_client();

$x->tell('card');
$t->run();

sub server_settings {
	my ($ws) = @_;

	my $text = $ws->wait_text(qr/^\{"type":\s*"server_settings"/)
		or return {};

	return decode_json($text)->{settings};
}

###############################################################################
# the table

my $ws = Selkies::WebSocket->new($t);
my $s = server_settings($ws);

$ws->close();

for my $name (qw/ clipboard_enabled clipboard_in_enabled clipboard_out_enabled
	encoder framerate second_screen is_manual_resolution_mode manual_width
	manual_height file_transfers command_enabled /)
{
	ok(ref $s->{$name} eq 'HASH' && exists $s->{$name}{value},
		"$name is there");
}

for my $name (qw/ debug master_token control_port recording_socket
	wayland_socket_index port audio_device_name dri_node watermark_path
	name status location top length origin closed /)
{
	ok(!exists $s->{$name}, "$name is not");
}

is_deeply($s->{framerate}, { value => [ 8, 240 ], min => 8, max => 240,
	default => 60 }, 'a range');
is_deeply($s->{h264_crf}, { value => [ 5, 50 ], min => 5, max => 50,
	default => 25 }, 'another');
is($s->{video_bitrate}{default}, 8, 'dialect 1 counts Mbit/s');
is($s->{encoder}{value}, 'x264enc', 'the live encoder');
ok((grep { $_ eq 'x264enc' } @{ $s->{encoder}{allowed} }),
	'which is allowed');
is($s->{scaling_dpi}{value}, '96', 'an enum of numbers');
ok(!ref $s->{scaling_dpi}{allowed}[0], 'its entries are strings');
is($s->{mode}{value}, 'websockets', 'mode');
is_deeply($s->{enable_dual_mode}{value}, JSON::PP::false, 'no dual mode');
is_deeply($s->{command_enabled}{value}, JSON::PP::false, 'commands are off');
ok((grep { JSON::PP::is_bool($s->{audio_enabled}{$_}) } qw/ value locked /)
	== 2, 'a bool');

# every entry has one of the shapes that clients know

my @odd;

for my $name (sort keys %$s) {
	my $shape = join ',', sort grep { $_ ne 'overridden' }
		keys %{ $s->{$name} };

	push @odd, "$name: $shape" unless $shape =~
		/^(?:value|locked,value|allowed,value|default,max,min,value)$/;
	push @odd, "$name: elements of allowed" if grep { ref }
		@{ $s->{$name}{allowed} || [] };
}

is("@odd", '', 'shapes');

my ($sample) = grep { -f } map { "$_/server_settings.sample.json" }
	$t->root() . '/t', $t->root() . '/t/lib';

# the names a stock client has seen so far, less the four that are left out

SKIP: {
	skip 'no sample', 1 unless $sample;

	my $names = decode_json($t->read_file($sample))->{settings};
	my %out = map { $_ => 1 } qw/ control_port master_token recording_socket
		wayland_socket_index /;

	is(join(' ', grep { !$out{$_} && !exists $s->{$_} } sort keys %$names),
		'', 'every name of the sample');
}

# dialect 2: its names, its units

$ws = Selkies::WebSocket->new($t, path => '/api/websockets');

my $two = server_settings($ws);

$ws->close();
is($two->{encoder}{value}, 'h264enc', 'dialect 2: encoder name');
ok(exists $two->{video_crf} && !exists $two->{h264_crf},
	'dialect 2: setting names');
is($two->{video_bitrate}{default}, 8000, 'dialect 2: kbit/s');
is($two->{ws_max_message_bytes}{value}, 1048576,
	'dialect 2: what we take at most');

###############################################################################
# policy

$ws = Selkies::WebSocket->new($t, path => '/policy/websockets');
$s = server_settings($ws);
$ws->close();

is_deeply([ @{ $s->{framerate} }{qw/ min max default /} ], [ 30, 30, 30 ],
	'one number locks a range');
is_deeply($s->{h264_crf}{value}, [ 10, 20 ], 'a narrower range');
ok($s->{h264_crf}{default} >= 10 && $s->{h264_crf}{default} <= 20,
	'its default lies inside');
is_deeply($s->{audio_enabled}, { value => JSON::PP::false,
	locked => JSON::PP::true }, 'a locked bool');
is_deeply($s->{file_transfers}{value}, [], 'no file transfers');
is_deeply($s->{encoder}{allowed}, [ 'x264enc' ], 'one encoder');
is($s->{ui_title}{value}, 'My "desk"', 'a string');
is_deeply($s->{second_screen}{value}, JSON::PP::false, 'off is false');

###############################################################################
# the first visit: double SETTINGS and a redundant r restart nothing

my $c = Selkies::WebSocket->controller($t, 1280, 720);

sub resets {
	my ($name) = @_;

	$c->round_trip();
	$c->run_for(0.6);
	is(scalar(grep { /^PIPELINE_RESETTING/ } @{ $c->{texts} }), 0,
		"$name: no reset");
	is(scalar(grep { $_->{key} } @{ $c->{frames} }), 0, "$name: no key");
	is(scalar(grep { /stream_resolution|^KILL/ } @{ $c->{texts} }), 0,
		"$name: no relayout");
	$c->forget();
}

$c->wait_quiet(1, 10);
$c->forget();

sub settings { Selkies::WebSocket::settings(@_) }

$c->send_text(settings(1280, 720));
resets('the same SETTINGS again');
$c->send_text('r,1280x720,primary');
resets('a redundant r');
$c->send_text(settings(1280, 720, scaling_dpi => '"96"',
	h264_crf => '"25"', framerate => '60.0', use_cpu => '"false"'));
resets('"96" equals 96');
$c->send_text(settings(1920, 1080));
resets('a later initialClient size');
is($x->size(), '1280x720', 'does not resize');
$c->send_text(settings(1280, 720, nothing => 1, useCssScaling => 'true',
	debug => 'true'));
resets('unknown keys');

# live ones: fps, quality, paint-over need no reset

$c->send_text(settings(1280, 720, framerate => 30, h264_crf => 20));
$c->round_trip();
$c->run_for(0.3);
is(scalar(grep { /^PIPELINE_RESETTING/ } @{ $c->{texts} }), 0,
	'rate and quality are live');
$c->wait_quiet(0.7, 5);
$c->forget();

# a burst of a slider

$c->send_text(map { settings(1280, 720, h264_crf => $_) } 10 .. 49);
ok($c->round_trip(), 'a burst of SETTINGS');
$c->wait_quiet(0.7, 5);
$x->draw(10, 10, 60, 60, 'ff8000');
ok($c->wait_pixel(40, 40, 'ff8000', 3, 30), 'the stream goes on');

# values out of range are clamped, never refused

$c->forget();
$c->send_text(settings(1280, 720, framerate => 100000, h264_crf => -5,
	jpeg_quality => '"x"', encoder => '"vp9"', use_cpu => 7));
ok($c->round_trip(), 'nonsense values');
$x->draw(10, 10, 60, 60, '0080ff');
ok($c->wait_pixel(40, 40, '0080ff', 3, 30), 'the stream goes on');

# a change of use_cpu: the client has closed its decoder, so a key comes

$c->wait_quiet(0.7, 5);
$c->forget();
$c->send_text(settings(1280, 720, use_cpu => 'true'));

my $f = $c->wait_frame(timeout => 3);

ok($f && $f->{key}, 'a key after use_cpu changed');

$c->close();

###############################################################################
# statistics come every 5 s

$c = Selkies::WebSocket->controller($t, 640, 480);

my $system = $c->wait_text(qr/"system_stats"/, 8);
my $network = $c->wait_text(qr/"network_stats"/, 8);

ok($system && $network, 'system_stats and network_stats');

$system = decode_json($system || '{}');
$network = decode_json($network || '{}');
ok($system->{mem_total} && $system->{mem_used} < $system->{mem_total},
	'memory');
ok(defined $system->{cpu_percent} && $system->{cpu_percent} <= 100, 'cpu');
like($system->{timestamp}, qr/^\d{4}-\d\d-\d\dT/, 'time');
ok(defined $network->{bandwidth_mbps} && defined $network->{latency_ms},
	'network');
cmp_ok($network->{latency_ms}, '<', 1000, 'a sane latency');

# negotiated additions

$ws = Selkies::WebSocket->new($t);
$ws->send_text('_ext,{"version":"x","want":["status","reload"]}');

my $ext = $ws->wait_text(qr/^_ext,/);

ok($ext, '_ext is answered');
$ext = decode_json(substr $ext || '_ext,{}', 5);
like($ext->{resume}, qr/^[\w-]{22}$/, 'a resume id');
ok(JSON::PP::is_bool($ext->{open}), 'open');
is(ref $ext->{have}, 'ARRAY', 'have');
$ws->close();
is(scalar(grep { /^_ext/ } @{ $c->{log} }), 0, 'nobody else is told');

# a resume takes over without KILL

my $old = Selkies::WebSocket->new($t);

$old->send_text('_ext,{"version":"x","want":[]}', settings(640, 480));

my $answer = $old->wait_text(qr/^_ext,/);

ok($c->wait_close(3), 'the first controller was taken over');
$old->wait_frame(key => 1);

my $resume = decode_json(substr $answer, 5)->{resume};
my $new = Selkies::WebSocket->new($t);

$new->{auto_ack} = 1;
$new->send_text("_ext,{\"version\":\"x\",\"resume\":\"$resume\",\"want\":[]}",
	settings(640, 480));
ok($new->wait_frame(key => 1), 'the successor has a picture');
ok($old->wait_close(4), 'the old socket is closed');
is($old->{close} && $old->{close}{code}, 1000, 'with 1000');
is(scalar(grep { /^KILL/ } @{ $old->{log} }), 0, 'without KILL');

# a forged id is a plain takeover

my $thief = Selkies::WebSocket->new($t);

$thief->send_text('_ext,{"version":"x","resume":"' . 'A' x 22
	. '","want":[]}', settings(640, 480));
ok($new->wait_text(qr/^KILL /), 'a resume id that was not given is no resume');
$thief->close();

$t->done();
