#!/usr/bin/perl

# Copyright (C) ngx_selkies authors
# SPDX-License-Identifier: BSD-2-Clause

# Every message a client may send (protocol.md 5), in both dialects: whole,
# malformed, and from a socket that may only watch.  What each one does is
# tested where its part is; here, that nothing else does anything, that no
# message closes a socket, and that no contents come into the log.

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

$t->simple(location => '
	selkies_command_enabled off; selkies_file_transfers none;
	selkies_js_socket_path %%TESTDIR%%/run; selkies_audio_enabled off;
	selkies_microphone_enabled off;');

my $x = $t->x_client();

$x->tell('card');
$t->run();

# in each contents: where it shows up, something has gone wrong

my $CANARY = 'Kanarienvogel';
my $canary = 'S2FuYXJpZW52b2dlbA==';
my $file = $t->dir() . "/$CANARY";

# verb, who may: any, owner (input and the rest); quiet: refused without a
# line; whole ones, malformed ones.  A message with a NUL in front is binary.

my @messages = (
	[ 'SETTINGS', 'any', [ "SETTINGS,{\"x\":\"$CANARY\"}" ],
		[ 'SETTINGS', 'SETTINGS,', "SETTINGS,$CANARY", 'SETTINGS,[]',
		'SETTINGS,{"a":', "SETTINGS {\"x\":\"$CANARY\"}",
		'SETTINGS,{"framerate":9}x', 'SETTINGS,' . '{"a":' x 40 . '1'
		. '}' x 40 ] ],
	[ '_ext', 'any', [ "_ext,{\"version\":\"$CANARY\",\"want\":[]}" ],
		[ '_ext', '_ext,', "_ext,$CANARY", '_ext,[]', '_ext,1' ] ],
	[ 'CLIENT_FRAME_ACK', 'any', [ 'CLIENT_FRAME_ACK 65535',
		'CLIENT_FRAME_ACK 65535 40' ],
		[ 'CLIENT_FRAME_ACK', 'CLIENT_FRAME_ACK 65536',
		'CLIENT_FRAME_ACK 1 x', 'CLIENT_FRAME_ACK 1 2 3',
		'CLIENT_FRAME_ACK -1', 'CLIENT_FRAME_ACK,1',
		"CLIENT_FRAME_ACK $CANARY" ] ],
	[ 'START_VIDEO', 'any', [ 'START_VIDEO' ],
		[ 'START_VIDEO,1', "START_VIDEO $CANARY" ] ],
	[ 'STOP_VIDEO', 'any', [ 'STOP_VIDEO' ], [ 'STOP_VIDEO,', 'STOP_VIDEO 1' ] ],
	[ 'START_AUDIO', 'any', [ 'START_AUDIO' ], [ 'START_AUDIO,1' ] ],
	[ 'STOP_AUDIO', 'any', [ 'STOP_AUDIO' ], [ 'STOP_AUDIO,1' ] ],
	[ 'REQUEST_KEYFRAME', 'any', [ 'REQUEST_KEYFRAME' ],
		[ 'REQUEST_KEYFRAME,1' ] ],
	[ 'r', 'owner', [ 'r,640x400,primary' ],
		[ 'r', 'r,', 'r,640x400', 'r,640,400,primary', 'r,640x400,primary,1',
		'r,6e2x400,primary', "r,640x400,../$CANARY", 'r,640x400,' ],
		[ 'r,0x0,primary', 'r,-5x9,primary', "r,640x400,$CANARY" ] ],
	[ 's', 'owner', [ 's,96' ], [ 's', 's,', 's,0', 's,-96', 's,1e999', 's,nan',
		"s,$CANARY" ] ],
	[ 'SET_NATIVE_CURSOR_RENDERING', 'owner quiet',
		[ 'SET_NATIVE_CURSOR_RENDERING,0' ],
		[ 'SET_NATIVE_CURSOR_RENDERING', 'SET_NATIVE_CURSOR_RENDERING,',
		'SET_NATIVE_CURSOR_RENDERING,2', 'SET_NATIVE_CURSOR_RENDERING,true' ] ],
	[ 'kd', 'owner', [ 'kd,97' ], [ 'kd', 'kd,', 'kd,0', 'kd,-1', 'kd,97,98',
		'kd,4294967393', "kd,$CANARY" ] ],
	[ 'ku', 'owner', [ 'ku,97' ], [ 'ku', 'ku,', 'ku,0', 'ku,x' ] ],
	[ 'kh', 'owner', [ 'kh', 'kh,97' ], [ 'kh,0', 'kh,97,', 'kh,,97', 'kh,x' ] ],
	[ 'kr', 'owner quiet', [ 'kr' ], [ 'kr,', 'kr,1' ] ],
	[ 'm', 'owner', [ 'm,30,40,0,0' ], [ 'm', 'm,', 'm,3', 'm,3,4,0',
		'm,3,4,0,0,0', 'm,,4,0,0', 'm,NaN,4,0,0', 'm,3.5,4,0,0', 'm,3,4,-1,0',
		"m,3,4,0,$CANARY" ] ],
	[ 'm2', 'owner', [ 'm2,3,4,0,0' ], [ 'm2', 'm2,3,4,0', 'm2,3,4,x,0' ] ],
	[ 'p', 'owner quiet', [ 'p,0', 'p,1' ], [ 'p', 'p,', 'p,2' ] ],
	[ 'co', 'owner', [ 'co,end,b' ], [ 'co', 'co,', 'co,end', "co,$CANARY",
		'co,start,b' ] ],
	[ 'js', 'slot', [ "js,c,0,$canary,4,17", 'js,b,0,0,1.0', 'js,a,0,1,-0.5',
		'js,h,0', 'js,b,0,0,0', 'js,d,0' ],
		[ 'js', 'js,', 'js,x,0', 'js,c,0', 'js,c,4,eA==,4,17', 'js,b,0',
		'js,b,0,256,1', 'js,b,0,0,inf', 'js,a,0,1', "js,a,0,1,$CANARY",
		'js,d,9' ] ],
	[ 'cr', 'owner quiet', [ 'cr' ], [ 'cr,', "cr,$CANARY" ] ],
	[ 'REQUEST_CLIPBOARD', 'owner', [ 'REQUEST_CLIPBOARD' ],
		[ 'REQUEST_CLIPBOARD,1' ] ],
	[ 'cw', 'owner', [ "cw,$canary" ], [ 'cw', "cw,$canary,$canary" ] ],
	[ 'cb', 'owner', [ "cb,image/png,$canary" ], [ 'cb', "cb,$canary",
		"cb,,$canary", "cb,<$CANARY>,$canary" ] ],
	[ 'cws', 'owner', [ 'cws,3', 'cws,id,3' ], [ 'cws', 'cws,', 'cws,-1',
		'cws,a,b,3', "cws,$CANARY" ] ],
	[ 'cwd', 'owner', [ "cwd,$canary", "cwd,id,$canary" ], [ 'cwd',
		"cwd,,$canary", "cwd,a,b,$canary" ] ],
	[ 'cwe', 'owner', [ 'cwe', 'cwe,id' ], [ 'cwe,', "cwe,a $CANARY" ] ],
	[ 'cbs', 'owner', [ 'cbs,image/png,3', 'cbs,id,image/png,3' ],
		[ 'cbs', 'cbs,3', 'cbs,image/png,x', "cbs,a,b,$CANARY,3" ] ],
	[ 'cbd', 'owner', [ "cbd,$canary", "cbd,id,$canary" ], [ 'cbd',
		"cbd,,$canary" ] ],
	[ 'cbe', 'owner', [ 'cbe', 'cbe,id' ], [ 'cbe,', 'cbe,a b' ] ],
	[ 'cmd', 'owner', [ "cmd,touch $file, $file.2" ], [ 'cmd', 'cmd,' ] ],
	[ 'app', 'owner', [ 'app,0' ], [ 'app', 'app,', 'app,-1', 'app,1,2',
		"app,$CANARY", 'app,99999999999' ] ],
	[ 'FILE_UPLOAD_START', 'owner', [ "FILE_UPLOAD_START:$CANARY:5" ],
		[ 'FILE_UPLOAD_START', 'FILE_UPLOAD_START:', "FILE_UPLOAD_START:$CANARY",
		"FILE_UPLOAD_START:$CANARY:-5", 'FILE_UPLOAD_START::5' ] ],
	[ 'FILE_UPLOAD_END', 'owner', [ "FILE_UPLOAD_END:$CANARY" ],
		[ 'FILE_UPLOAD_END', 'FILE_UPLOAD_END:' ] ],
	[ 'FILE_UPLOAD_ERROR', 'owner', [ "FILE_UPLOAD_ERROR:GENERAL:$CANARY" ],
		[ 'FILE_UPLOAD_ERROR', 'FILE_UPLOAD_ERROR:' ] ],
	[ 'upload data', 'owner', [ "\0\x01$CANARY" ], [] ],
	[ 'microphone data', 'owner', [ "\0\x02$CANARY" . 'x' x 243 ], [] ],
	[ 'webcam data', 'owner quiet', [ "\0\x06\x01\x01$CANARY",
		"\0\x06" . 'x' x 200000 ], [] ],
	(map { [ $_, 'any', [ "$_,$CANARY", $_ ], [] ] } qw/ vp _gz pong vb ab
		_arg_fps _arg_resize _f _l _stats_video _stats_audio _ebc _rc _crf /),
);

# not one of ours: the verb and nothing else may be logged

my @unknown = ("password $CANARY", "hello,$CANARY", '{"type":"' . $CANARY . '"}',
	"kdx,$CANARY", "KD,97$CANARY", " kd,97", "settings,{\"x\":\"$CANARY\"}",
	"cmd\n$CANARY", ",$CANARY", '', "a\n[alert] $CANARY", "SETTINGSX,$CANARY",
	'A' x 60000, "\0\x00$CANARY", "\0\x03$CANARY", "\0\x05$CANARY",
	"\0\xff$CANARY");

###############################################################################
# the list is whole

my %here = map { $_->[0] => 1 } @messages;
my $source = $t->read_file($t->root()
	. '/ngx_selkies_module/selkies_protocol.c');
my %there = map { $_ => 1 } $source =~ /^ +\{ "([^"]+)", /mg;

cmp_ok(scalar keys %there, '>', 40, 'the table of verbs is read');
is(join(' ', grep { !$here{$_} } sort keys %there), '',
	'every verb of the table is in the list');
is(join(' ', grep { !$there{$_} } sort keys %here), '', 'and no other');

###############################################################################

sub say_it {
	my ($ws, $message) = @_;

	return $message =~ /^\0(.*)/s ? $ws->send_binary($1)
		: $ws->send_text($message);
}

# All that may change by a message.

sub state_of {
	my $status = decode_json(($t->http_get('/api/status')
		=~ /\r\n\r\n(.*)/s)[0]);
	my $d = $status->{display};

	return join ' ', $x->size(), $x->pointer(), map { "$_=$d->{$_}" }
		qw/ width height encoder framerate controlled watchers /;
}

# What a socket was told, less what comes by itself.

sub heard {
	my ($ws) = @_;

	return join ' ', map { substr $_, 0, 60 }
		grep { !/^(?:cursor,|\{"type":"\w+_stats")/ } @{ $ws->{texts} };
}

# Lines of the log since the last call.

my $read = 0;

sub lines {
	my $log = $t->error_log();
	my @lines = split /\n/, substr $log, $read;

	$read = length $log;

	return @lines;
}

# Sends them one by one; the first that is answered, or closes the socket, or
# leaves more than so many lines in the log.

sub silent {
	my ($name, $ws, $most, @list) = @_;
	my $bad = '';

	lines();
	$ws->forget();

	for my $message (@list) {
		say_it($ws, $message);

		if (!$ws->round_trip()) {
			$bad = "closes: $message";
			last;
		}

		my @said = lines();
		my $heard = heard($ws);

		$bad = "answered by $heard: $message" if $heard ne '';
		$bad = "logged: $message: @said" if @said > $most;
		last if $bad ne '';
	}

	is(substr($bad, 0, 200), '', $name);
}

for my $dialect (1, 2) {
	my $path = $dialect == 1 ? '/websockets' : '/api/websockets';
	my $name = "dialect $dialect";
	my $c = Selkies::WebSocket->controller($t, 800, 600, path => $path);
	my $v = Selkies::WebSocket->new($t, path => $dialect == 1 ? $path
		: "$path?role=viewer");

	$c->{auto_ack} = 0;
	$v->wait_text(qr/server_settings/);
	$c->wait_quiet(0.6, 10);
	$x->events();

	my $before = state_of();

	###########################################################################
	# malformed, from who may do everything

	silent("$name: malformed ones of the owner do nothing", $c, 1,
		map { @{ $_->[3] } } @messages);
	silent("$name: nor what is well formed and means nothing", $c, 1,
		map { @{ $_->[4] || [] } } @messages);
	silent("$name: unknown ones do nothing", $c, 1, @unknown);
	$c->run_for(0.2);
	is(join(' | ', $x->events()), '', "$name: no X event came of them");
	is(state_of(), $before, "$name: nothing has changed");

	###########################################################################
	# whole ones, from who may only watch

	my @theirs = grep { $_->[1] !~ /any/ } @messages;

	silent("$name: what a viewer may not say does nothing", $v, 1,
		map { @{ $_->[2] } } grep { $_->[1] !~ /quiet/ } @theirs);
	silent("$name: some of it without a line in the log", $v, 0,
		map { @{ $_->[2] } } grep { $_->[1] =~ /quiet/ } @theirs);
	silent("$name: unknown ones of a viewer", $v, 1, @unknown);
	$c->run_for(0.2);
	is(join(' | ', $x->events()), '', "$name: no X event came of them");
	is(state_of() =~ s/watchers=\d+//r, $before =~ s/watchers=\d+//r,
		"$name: nothing has changed");

	# what it may say, it may; in dialect 1 SETTINGS would be a claim

	for my $row (grep { $_->[1] eq 'any'
		&& ($dialect == 2 || $_->[0] ne 'SETTINGS') } @messages)
	{
		say_it($v, $_) for @{ $row->[2] };
		ok($v->round_trip(), "$name: a viewer may say $row->[0]")
			or last;
	}

	ok(!(grep { /^KILL/ } @{ $c->{texts} }), "$name: the owner stays");

	###########################################################################
	# whole ones, from the owner: they are understood

	lines();
	$c->forget();

	for my $row (@messages) {
		say_it($c, $_) for @{ $row->[2] };
		$c->round_trip() or last;
	}

	ok($c->round_trip(), "$name: the owner says it all and stays");
	is(join("\n", grep {
		/unknown \w+ message|of a view-only client/ } lines()), '',
		"$name: nothing of it is unknown or refused");
	ok(wait_for(sub { $x->size() eq '640x400' }, 5), "$name: r");
	like(heard($c), qr/VIDEO_STARTED.*VIDEO_STOPPED/, "$name: START, STOP");
	like(heard($c), $dialect == 1 ? qr/AUDIO_STOPPED/ : qr/AUDIO_DISABLED/,
		"$name: AUDIO: the truth");
	like(heard($c), qr/_ext,/, "$name: _ext");
	is(scalar(grep { $_ eq 'WEBCAM_DISABLED' } @{ $c->{texts} }),
		$dialect == 2 ? 1 : 0, "$name: a camera is told once");
	ok(!(grep { /^_gz/ } @{ $c->{texts} }), "$name: _gz is not echoed");

	my @events;

	ok(wait_for(sub {
		push @events, $x->events();
		return (grep { /^key.*press/i } @events)
			&& (grep { /^motion/i } @events);
	}, 5), "$name: kd, m") or diag(join ' | ', @events);
	ok(!-e $file && !-e "$file.2", "$name: no command is run");
	is(join(' ', glob $t->dir() . "/*/$CANARY*"), '', "$name: no file is made");

	$c->close();
	$v->close();
	$x->events();
}

###############################################################################

my $log = $t->error_log();

unlike($log, qr/$CANARY|$canary/, 'no contents in the log');
unlike($log, qr/^\[alert\]/m, 'no line of a client\'s making');
is((grep { length > 400 } split /\n/, $log)[0], undef, 'no long line');
like($log, qr/unknown text message: "password"/, 'the verb alone');

$t->done();
