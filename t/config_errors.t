#!/usr/bin/perl

# Copyright (C) ngx_selkies authors
# SPDX-License-Identifier: BSD-2-Clause

# What nginx -t says of a wrong configuration, that it names the bad value,
# and that it touches nothing.

use warnings;
use strict;

use Test::More;

use lib 'lib', 't/lib';

use Selkies;

my $t = Selkies->new(x => 0);

$t->reserve_display();

sub check {
	my ($where, $text) = @_;

	$t->simple($where => $text);

	return $t->test_conf();
}

###############################################################################
# refused: where, what, words of the message

my @bad = (
	[ 'server', 'location /a { selkies maybe; }', qr/"maybe".*"selkies"/ ],
	[ 'server', 'location /a { selkies on on; }', qr/"selkies"/ ],
	[ 'server', 'location /a { selkies on; selkies on; }', qr/duplicate/ ],
	[ 'server', 'location /a { selkies on; selkies_display ""; }',
		qr/selkies_display/ ],
	[ 'server', 'location /a { selkies on; selkies_display desk; }',
		qr/"desk"/ ],
	[ 'server', 'location /a { selkies on; selkies_display :1x; }',
		qr/":1x"/ ],
	[ 'server', 'location /a { selkies on; selkies_display :1;
		selkies_framebuffer fd:x; }', qr/"fd:x"/ ],
	[ 'location', 'selkies_pulse_server pulse/native;',
		qr/"selkies_pulse_server" "pulse\/native"/ ],
	[ 'location', 'selkies_pulse_server tcp:localhost;',
		qr/"tcp:localhost": the absolute path of a socket/ ],
	[ 'location', 'selkies_pulse_server /' . 'x' x 110 . ';',
		qr/"selkies_pulse_server"/ ],
	[ 'location', 'selkies_pulse_cookie cookie;',
		qr/"selkies_pulse_cookie" "cookie"/ ],
	[ 'location', 'selkies_audio_channels 3;',
		qr/"selkies_audio_channels" 3: 1, 2, 6 or 8/ ],
	[ 'location', 'selkies_audio_frame_duration_ms 7;', qr/"7"/ ],
	[ 'location', 'selkies_capture fast;', qr/"fast"/ ],
	[ 'location', 'selkies_idle 10q;', qr/"(?:10q|selkies_idle)"/ ],
	[ 'location', 'selkies_framerate 0;', qr/"selkies_framerate".*"0"/ ],
	[ 'location', 'selkies_framerate 8-1000;', qr/"8-1000"/ ],
	[ 'location', 'selkies_framerate fast;', qr/"fast"/ ],
	[ 'location', 'selkies_framerate 60-8;', qr/"60-8"/ ],
	[ 'location', 'selkies_h264_crf 99;', qr/"99"/ ],
	[ 'location', 'selkies_encoder vp9;', qr/"vp9"/ ],
	[ 'location', 'selkies_encoder x264enc,vp9;', qr/"(?:x264enc,)?vp9"/ ],
	[ 'location', 'selkies_audio_enabled perhaps;', qr/"perhaps"/ ],
	[ 'location', 'selkies_clipboard_enabled true|closed;',
		qr/"true\|closed"/ ],
	[ 'location', 'selkies_scaling_dpi 100;', qr/"100"/ ],
	[ 'location', 'selkies_require_origin sometimes;', qr/"sometimes"/ ],
	[ 'location', 'selkies_allowed_origins;', qr/selkies_allowed_origins/ ],
	[ 'location', 'selkies_nothing_such on;',
		qr/unknown directive "selkies_nothing_such"/ ],
	[ 'http', 'selkies_ring_size 1k;', qr/"(?:1k|selkies_ring_size)"/ ],
	[ 'http', 'selkies_ring_size many;', qr/"(?:many|selkies_ring_size)"/ ],
	[ 'http', 'selkies_join_cache 1k;', qr/"selkies_join_cache"/ ],
	[ 'http', 'selkies_streams 0;', qr/between 1 and/ ],
	[ 'main', 'selkies on;', qr/"selkies" directive is not allowed here/ ],
	[ 'server', 'location ~ ^/x/ { %%SELKIES%% }', qr/selkies_prefix/ ],
);

for my $row (@bad) {
	my ($where, $text, $re) = @$row;
	my ($good, $output) = check($where, $text);

	ok(!$good && $output =~ $re && $output =~ /\[emerg\].*:\d+$/m,
		"refused: $text") or diag($output);
}

###############################################################################
# accepted

my @good = (
	[ 'server', 'location /a { selkies off; }' ],
	[ 'http', 'selkies_ring_size 8m; selkies_streams 2;' ],
	[ 'http', 'selkies_join_cache 0;' ],
	[ 'http', 'selkies_join_cache 512k;' ],
	[ 'location', 'selkies_framerate 30;' ],
	[ 'location', 'selkies_framerate 8-120;' ],
	[ 'location', 'selkies_h264_crf 10-40;' ],
	[ 'location', 'selkies_encoder x264enc,jpeg;' ],
	[ 'location', 'selkies_encoder h264enc;' ],
	[ 'location', 'selkies_audio_enabled on;' ],
	[ 'location', 'selkies_audio_enabled off;' ],
	[ 'location', 'selkies_clipboard_enabled true|locked;' ],
	[ 'location', 'selkies_file_transfers "";' ],
	[ 'location', 'selkies_file_transfers none;' ],
	[ 'location', 'selkies_idle 30s;' ],
	[ 'location', 'selkies_capture shm;' ],
	[ 'location', 'selkies_allowed_origins https://a.example b.example:1;' ],
	[ 'location', 'selkies_title "x";' ],
	[ 'location', 'selkies_role $arg_role;' ],
);

for my $row (@good) {
	my ($where, $text) = @$row;
	my ($good, $output) = check($where, $text);

	ok($good, "accepted: $text") or diag($output);
}

###############################################################################
# no side effects: no process, no thread of ours, no X connection, no file

my $before = join ' ', sort glob "$t->{dir}/*  $t->{dir}/run/*";
my ($good, $output) = check('location', '');

ok($good, 'nginx -t') or diag($output);
unlike($output, qr/\[(?:warn|error|alert|notice)\]/, 'says nothing of us');

my @touched = grep { !/nginx\.pid|_temp|nginx\.conf|run\/(?:client_body|proxy|fastcgi|uwsgi|scgi)/ }
	grep { index($before, $_) < 0 } glob "$t->{dir}/* $t->{dir}/run/*";

is("@touched", '', 'leaves no file');

# a display nobody serves is no reason to fail

($good, $output) = check('server', 'location /a { selkies on;
	selkies_display :64999; selkies_xauthority /nonexistent; }');
ok($good, 'X and its cookie may be missing') or diag($output);

# the module loaded and not used, without http{} even

$t->conf("%%GLOBALS%%\nevents {}\n");
($good, $output) = $t->test_conf();
ok($good, 'loaded without http{}') or diag($output);

$t->conf("%%GLOBALS%%\nevents {}\nhttp { %%GLOBALS_HTTP%%\n"
	. "server { listen %%PORT_0%%; } }\n");
($good, $output) = $t->test_conf();
ok($good, 'loaded and unused') or diag($output);

# and runs so

$t->run();
like($t->http_get('/'), qr/^HTTP\/1.1 (?:200|403|404)/, 'nginx serves');

my ($worker) = $t->workers();

is($t->threads($worker), 1, 'without a thread of ours');

$t->done();
