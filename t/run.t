#!/usr/bin/perl

# Copyright (C) ngx_selkies authors
# SPDX-License-Identifier: BSD-2-Clause

# `make run` as a user has it: the ready line, the page, typing into the
# terminal, the variables, and nothing left behind after Ctrl-C.

use warnings;
use strict;

use Test::More;

use lib 'lib', 't/lib';

use File::Temp qw/ tempdir /;
use IO::Select;
use IO::Socket::INET;
use MIME::Base64;
use POSIX ();

use Selkies;
use Selkies::Picture;
use Selkies::Png;
use Selkies::WebSocket;

my $t = Selkies->new(x => 0, timeout => 150);
my $launcher = $t->root() . '/docker/root/usr/bin/selkies-run';

plan(skip_all => 'no selkies-xvfb: run make') unless -x $t->build() . '/selkies-xvfb';

###############################################################################

# A test that dies leaves none behind.

my %running;

END {
	kill 'TERM', keys %running;
}

# Starts it in a session of its own, as a shell does; returns when it is ready
# or has ended.

sub start_run {
	my (%env) = @_;

	my $dir = tempdir('selkies-run-XXXXXX', TMPDIR => 1, CLEANUP => 1);
	my @ports = map { IO::Socket::INET->new(LocalAddr => '127.0.0.1',
		Listen => 1) or die "listen: $!" } 1 .. 2;
	my %run = (dir => $dir, http => $ports[0]->sockport(),
		https => $ports[1]->sockport(), output => '');

	close $_ for @ports;

	pipe(my $out, my $in) or die "pipe: $!";

	my $pid = fork();

	if (!$pid) {
		POSIX::setsid();
		open STDOUT, '>&', $in;
		open STDERR, '>&', $in;
		open STDIN, '<', '/dev/null';
		delete @ENV{qw/ DISPLAY XAUTHORITY PASSWORD SUBFOLDER TITLE
			WATERMARK_PNG WATERMARK_LOCATION /};
		%ENV = (%ENV, RUN_DIR => $dir, BUILD_DIR => $t->build(),
			CUSTOM_PORT => $run{http}, CUSTOM_HTTPS_PORT => $run{https},
			SELKIES_DISPLAY => ':' . (100 + $$ % 800), %env);
		exec $launcher or POSIX::_exit(127);
	}

	close $in;
	@run{qw/ pid out /} = ($pid, $out);
	$running{$pid} = 1;

	my $deadline = clock() + 40;

	while (clock() < $deadline && $run{output} !~ /ready on/) {
		next unless IO::Select->new($out)->can_read(1);
		last unless sysread $out, $run{output}, 4096, length $run{output};
	}

	return \%run;
}

sub stop_run {
	my ($run, $signal) = @_;

	kill $signal, $run->{pid};

	my $began = clock();
	my $status = wait_for(sub {
		waitpid($run->{pid}, POSIX::WNOHANG()) == $run->{pid} ? [ $? ] : undef
	}, 15);

	delete $running{ $run->{pid} } if $status;

	return ($status ? $status->[0] : undef, clock() - $began);
}

# Every process that belongs to a run names its directory.

sub left {
	my ($run) = @_;

	my @left;

	for my $dir (glob '/proc/[0-9]*') {
		my ($pid) = $dir =~ /(\d+)/;
		next if $pid == $$;

		for my $file (qw/ cmdline environ /) {
			open my $fh, '<', "$dir/$file" or next;
			local $/;
			my $text = <$fh>;
			push @left, "$pid $file" if defined $text
				&& index($text, $run->{dir}) >= 0;
		}
	}

	return @left;
}

# Of the programs of a run that have this name: those that were started with
# libraries of ours, and the others.

sub preloaded {
	my ($run, $name) = @_;

	my @n = (0, 0);

	for my $dir (glob '/proc/[0-9]*') {
		my %text;

		for my $file (qw/ comm cmdline environ maps /) {
			open my $fh, '<', "$dir/$file" or next;
			local $/;
			$text{$file} = <$fh>;
		}

		next unless ($text{comm} || '') eq "$name\n"
			&& grep { index($text{$_} || '', $run->{dir}) >= 0 }
				qw/ cmdline environ /;

		$n[($text{maps} || '') =~ /selkies_joystick/ ? 0 : 1]++;
	}

	return "@n";
}

sub get {
	my ($run, $uri, %o) = @_;

	return $t->http_get($uri, port => $run->{http}, %o);
}

###############################################################################
# plain

my $run = start_run(TITLE => 'My "desk" $1');

like($run->{output}, qr!^selkies: ready on http://localhost:$run->{http}/ \(display (:\d+)\)$!m,
	'the ready line') or diag($run->{output});
like($run->{output}, qr/no PASSWORD.*CUSTOM_ADDRESS/, 'told that it is open');

my ($display) = $run->{output} =~ /\(display (:\d+)\)/;

ok(open(my $fh, '<', "$run->{dir}/session.env"), 'session.env');

my %session = map { /^(\w+)=(.*)$/ ? ($1, $2) : () } <$fh>;

is($session{DISPLAY}, $display, 'DISPLAY');
ok(-r $session{XAUTHORITY}, 'XAUTHORITY');
like($session{PULSE_SERVER} || '', qr/^unix:/, 'PULSE_SERVER');

like(get($run, '/'), qr/^HTTP\/1.1 200.*<html/s, 'the page');
like(get($run, '/health'), qr/^HTTP\/1.1 200/, 'health');
like(get($run, '/manifest.json'), qr/"name":"My \\"desk\\" \$1"/, 'the title, as it was given');

my $c = Selkies::WebSocket->controller($t, 1024, 768, port => $run->{http});

ok($c->{open}, 'a client');

like(preloaded($run, 'xterm'), qr/^[1-9]\d* 0$/,
	'programs of the desktop may have gamepads');
like(preloaded($run, 'nginx'), qr/^0 [1-9]/, 'nginx has nothing preloaded');
is(scalar(() = glob "$run->{dir}/sockets/selkies_*.sock"), 8,
	'and serves the gamepads');

my $mark = "$run->{dir}/typed";
my $text = "touch $mark";

# the terminal may still be starting, and has no way to tell

my $typed;

for (1 .. 6) {
	$c->send_text('m,400,300,0,0', 'm,400,300,1,0', 'm,400,300,0,0');
	$c->send_text(map { ('kd,' . ord, 'ku,' . ord) } split //, $text);
	$c->send_text('kd,65293', 'ku,65293');
	last if $typed = wait_for(sub { $c->run_for(0.05); -e $mark }, 3);
}

ok($typed, 'typing in the terminal works');

# its sound, with the environment of session.env alone

SKIP: {
	skip 'no PulseAudio', 2 unless grep { -x "$_/pulseaudio" } split /:/,
		$ENV{PATH};

	$c->send_text('START_AUDIO');
	ok($c->wait_text(qr/^AUDIO_STARTED$/, 10), 'there is sound');

	my $tone = $t->write_file('tone', pack 's<*',
		map { 8000 * ($_ % 96 < 48 ? 1 : -1) } 0 .. 192000);

	my $pid = $t->spawn(sub {
		$ENV{PULSE_SERVER} = $session{PULSE_SERVER};
		open STDERR, '>', '/dev/null';
		exec 'pacat', '--raw', '--rate=48000', '--channels=2',
			'--latency-msec=100', $tone;
	});

	ok($c->wait_sound(5), 'and it is heard');
	kill 'TERM', $pid;
	$t->reap($pid, 3);
}

$c->close();

my ($status, $seconds) = stop_run($run, 'INT');

is($status, 0, 'Ctrl-C ends it well');
cmp_ok($seconds, '<', 8, sprintf 'in %.1f s', $seconds);
is(join(', ', left($run)), '', 'no process left');
ok(!-e '/tmp/.X' . substr($display, 1) . '-lock', 'no X lock');
ok(!-e '/tmp/.X11-unix/X' . substr($display, 1), 'no X socket');
is(join(' ', grep { -e } glob "$run->{dir}/sockets/* $run->{dir}/session.env"), '',
	'no socket of ours');

###############################################################################
# a password, a subfolder, TLS

my $password = 'a b\'"%#$é';

$t->write_file('mark.png', png(120, 90, 224, 32, 32, 255));

$run = start_run(PASSWORD => $password, CUSTOM_USER => 'eve',
	SUBFOLDER => 'x', MAX_RES => '1600x1200', NO_GAMEPAD => 1,
	WATERMARK_PNG => $t->dir() . '/mark.png', WATERMARK_LOCATION => 3);

like($run->{output}, qr!ready on http://localhost:$run->{http}/x/ !, 'the subfolder')
	or diag($run->{output});
unlike($run->{output}, qr/no PASSWORD/, 'not open');

like(get($run, '/x/'), qr/^HTTP\/1.1 401/, 'no password: 401');
like(get($run, '/x/health'), qr/^HTTP\/1.1 200/, 'but health');
like(get($run, '/health'), qr/^HTTP\/1.1 200/, 'at the root too');
like(get($run, '/x'), qr/^HTTP\/1.1 30\d.*Location: \/x\/\r/s, 'a relative redirect');

my $auth = 'Authorization: Basic ' . MIME::Base64::encode_base64("eve:$password", '');

like(get($run, '/x/', headers => [ $auth ]), qr/^HTTP\/1.1 200/, 'the password');
like(get($run, '/x/', headers => [ 'Authorization: Basic '
	. MIME::Base64::encode_base64('eve:wrong', '') ]), qr/^HTTP\/1.1 401/, 'a wrong one');

my $ws = Selkies::WebSocket->new($t, port => $run->{http}, path => '/x/websockets');

is($ws->{status}, 401, 'no websocket without it');

$c = Selkies::WebSocket->controller($t, 4000, 3000, nowait => 1, port => $run->{http},
	path => '/x/websockets', auth => "eve:$password");
like($c->wait_text(qr/stream_resolution/) || '', qr/"width":1600,"height":1200/,
	'MAX_RES is the limit');
ok($c->wait_pixel(76, 1139, 'e02020', 15), 'the watermark, at the lower left');
$c->close();

SKIP: {
	skip 'no IO::Socket::SSL', 1 unless eval { require IO::Socket::SSL };

	$ws = Selkies::WebSocket->new($t, port => $run->{https}, ssl => {},
		path => '/x/websockets', auth => "eve:$password");
	is($ws->{status}, 101, 'the same over TLS');
	$ws->close();
}

like(preloaded($run, 'xterm'), qr/^0 [1-9]/, 'NO_GAMEPAD');
is(join(' ', glob "$run->{dir}/sockets/selkies_*"), '', 'neither here nor there');

my @environ;

for my $file (glob '/proc/[0-9]*/environ') {
	open my $fh, '<', $file or next;
	local $/;
	push @environ, <$fh> // '';
}

is(scalar(grep { /^SELKIES_FRAMEBUFFER=/m && /\Q$password\E/ } @environ), 0,
	'the password is in no environment of the session');

($status) = stop_run($run, 'TERM');
is(join(', ', left($run)), '', 'TERM leaves nothing either');

###############################################################################
# kill -9 of nginx's master ends the desktop, that of the starter all of it

for my $victim (qw/ nginx starter /) {
	$run = start_run();

	my ($display) = $run->{output} =~ /\(display :(\d+)\)/;
	my ($master) = $t->read_file("$run->{dir}/nginx.pid") =~ /(\d+)/;

	ok($display && $master, "$victim: a desktop runs");
	kill 'KILL', $victim eq 'nginx' ? $master : $run->{pid};

	($status, $seconds) = stop_run($run, 0);
	is($status, $victim eq 'nginx' ? 1 << 8 : 9, "$victim: killed, it ends");
	ok(wait_for(sub { !left($run) }, 10), "$victim: no process left")
		or diag(join ', ', left($run));

	next if $victim ne 'nginx';

	ok(!-e "/tmp/.X11-unix/X$display" && !-e "/tmp/.X$display-lock",
		"$victim: nor the X server's files");
	is(join(' ', grep { -e } glob "$run->{dir}/sockets/* $run->{dir}/session.env"),
		'', "$victim: nor ours");
}

###############################################################################
# bad values: one line that names them

for my $bad ([ CUSTOM_PORT => 'abc' ], [ MAX_RES => '10' ], [ SUBFOLDER => '../x' ],
	[ PASSWORD => "a\nb" ], [ SELKIES_FRAMERATE => 'fast' ],
	[ WATERMARK_LOCATION => 'left' ], [ WATERMARK_PNG => $launcher ])
{
	my ($name, $value) = @$bad;

	$run = start_run($name => $value);
	($status) = stop_run($run, 'TERM') if $run->{output} =~ /ready on/;

	my $ended = $run->{output} =~ /ready on/ ? undef
		: wait_for(sub { waitpid($run->{pid}, POSIX::WNOHANG()) > 0 ? [ $? ] : undef }, 10);

	delete $running{ $run->{pid} } if $ended;

	ok($ended && $ended->[0] != 0, "$name: refused");
	is(scalar(grep { /\Q$name\E|\L$name/i } split /\n/, $run->{output}), 1,
		'by one line') or diag($run->{output});
}

done_testing();
