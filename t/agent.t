#!/usr/bin/perl

# Copyright (C) ngx_selkies authors
# SPDX-License-Identifier: BSD-2-Clause

# selkies-agent by itself: who may ask, what it starts and how, what it
# survives.

use warnings;
use strict;

use Test::More;

use lib 'lib', 't/lib';

use Fcntl qw/ S_ISSOCK /;
use IO::Select;
use IO::Socket::UNIX;
use POSIX ();

use Selkies;

my $t = Selkies->new(x => 0, timeout => 60);
my $program = Selkies::build() . '/selkies-agent';

plan(skip_all => "no $program") unless -x $program;

my $path = $t->dir() . '/run/agent';
my $home = $t->dir() . '/html';
my $pid;

sub start {
	my (@args) = @_;

	$pid = $t->spawn(sub {
		$ENV{HOME} = $home;
		$ENV{PATH} = $t->dir() . "/run/bin:$ENV{PATH}";
		$ENV{CALLER} = 'handed on';
		open STDOUT, '>>', $t->dir() . '/logs/agent.log';
		open STDERR, '>&', \*STDOUT;

		# what a careless parent leaves behind
		open my $left, '<', '/dev/null';
		fcntl $left, 2, 0;
		$SIG{USR1} = 'IGNORE';
		exec $program, '-s', $path, @args;
	});

	return wait_for { -S $path && dial() } 5;
}

sub dial { IO::Socket::UNIX->new(Type => SOCK_STREAM, Peer => $path) }

sub request { pack 'N/a*', $_[0] }

sub run_request { request('r' . join '', map { "$_\0" } @_) }

# The reply to what was written: '' for done, or why not; undef: hung up.

sub reply {
	my ($s, $timeout) = @_;
	my $reply = '';

	while (length $reply < 4 || length $reply < 4 + unpack 'N', $reply) {
		IO::Select->new($s)->can_read($timeout || 5) or return 'silence';
		sysread $s, $reply, 4096, length $reply or return undef;
	}

	my ($bad, $why) = unpack 'C a*', unpack 'N/a*', $reply;

	return $bad ? "no: $why" : $why;
}

sub ask {
	my ($bytes) = @_;
	my $s = dial() or return undef;

	syswrite $s, $bytes;

	return reply($s);
}

sub content { $t->read_file("html/$_[0]") }

mkdir $t->dir() . '/run/bin';

###############################################################################
# the socket

ok(start('-c'), 'it listens');

my @stat = lstat $path;

ok(S_ISSOCK($stat[2]), 'on a socket');
is(sprintf('%o', $stat[2] & 07777), '600', 'of its user alone');

my $second = system("$program -s $path 2>>" . $t->dir() . '/logs/agent.log');

isnt($second, 0, 'a second one gives up');
ok(dial(), 'and does not take the socket away');

###############################################################################
# programs

is(ask(run_request('sh', '-c', 'pwd >here; echo "$CALLER" >env')), '',
	'a program is started');
ok(wait_for(sub { content('env') =~ /\n/ }, 5), 'and runs');
is(content('here'), "$home\n", 'at home');
is(content('env'), "handed on\n", 'with the session\'s environment');

# arguments are arguments: no shell sees them

is(ask(run_request('touch', 'a b', '$(id)', '-', '', 'x;y')), '',
	'odd arguments');
ok(wait_for(sub { -e "$home/x;y" && -e "$home/a b" && -e "$home/\$(id)" }, 5),
	'come as they are');

# how it is born

is(ask(run_request('sh', '-c', 'echo $$ >id; exec sleep 60')), '',
	'one that stays');
ok(wait_for(sub { content('id') =~ /(\d+)\n/
	&& $t->read_file("/proc/$1/comm") eq "sleep\n" }, 5), 'it does');

my ($id) = content('id') =~ /(\d+)/;
my ($group, $session) = $t->read_file("/proc/$id/stat")
	=~ /\) \S+ \d+ (\d+) (\d+)/;
my $proc = $t->read_file("/proc/$id/status");

is($session, $id, 'it leads a session');
is($group, $id, 'and a group');
like($proc, qr/^SigBlk:\s*0+$/m, 'no signal is blocked');
is($proc =~ /^SigIgn:\s*\w*(\w{8})$/m && hex($1) & 0x7fffffff, 0,
	'nor ignored');
is(join(' ', map { readlink } sort glob "/proc/$id/fd/*"),
	'/dev/null /dev/null /dev/null', 'three descriptors of nothing');

# no zombie

is(ask(run_request('true')), '', 'a short one') for 1 .. 20;
ok(wait_for(sub {
	my @z = grep { $t->read_file("/proc/$_/stat") =~ /^\d+ \(true\)/ }
		Selkies::children_of($pid);
	return !@z;
}, 5), 'all are collected');

like(ask(run_request('no-such-program')), qr/^no: no-such-program: No such file/,
	'what is not there is said');
like(ask(run_request('/etc/passwd')), qr/^no: .*denied/, 'or may not be run');

###############################################################################
# the shell

is(ask(request("cecho 'a, b' >shell; echo \"\$((1 + 2))\" >>shell\0")), '',
	'a text for the shell');
ok(wait_for(sub { content('shell') eq "a, b\n3\n" }, 5), 'it was one');

###############################################################################
# what is no request

for my $row (
	[ 'nothing in it', request('') ], [ 'a kind alone', request('r') ],
	[ 'another kind', request("x\0") ], [ 'no zero', request('rls') ],
	[ 'an empty program', request("r\0") ],
	[ 'a zero in a command', request("ctouch a\0b\0") ],
	[ 'an empty command', request("c\0") ],
	[ 'a command without a zero', request('cls') ],
	[ '65 arguments', run_request(('x') x 65) ],
	[ 'more than 64 KiB', pack 'N', 65537 ],
	[ '4 GiB', "\xff" x 4 ], [ 'a short dpi', request("d\0\0\0\0") ],
	[ 'dpi 0', request('d' . pack 'NN', 0, 32) ],
	[ 'a huge cursor', request('d' . pack 'NN', 96, 5000) ])
{
	is(ask($row->[1]), undef, "$row->[0]: hung up on");
}

ok(!-e "$home/a", 'nothing came of it');

# in pieces, and two at once

my $s = dial();
my $two = run_request('touch', 'one') . run_request('touch', 'two');

for my $byte (split //, $two) {
	syswrite $s, $byte;
	select undef, undef, undef, 0.001;
}

is(reply($s), '', 'octet by octet');
ok(wait_for(sub { -e "$home/two" }, 5), 'both are done');
close $s;

$s = dial();
syswrite $s, $two;
close $s;
ok(dial(), 'who does not wait for an answer harms nobody');

# who says nothing keeps nobody else out

my @idle = map { dial() } 1 .. 8;
my $later = dial();

syswrite $later, run_request('touch', 'later');
is(reply($later, 10), '', 'eight that say nothing are dropped after a while');
close $_ for @idle;

###############################################################################
# DPI: the programs of the desktop that is installed

sub fake {
	my ($name, $body) = @_;

	$t->write_file("run/bin/$name", "#!/bin/sh\n$body\n");
	chmod 0755, $t->dir() . "/run/bin/$name";
}

fake('xfce4-session', '');
fake('xfconf-query', "echo \"\$*\" >>$home/xfconf");

is(ask(request('d' . pack 'NN', 144, 48)), '', 'a DPI');
ok(wait_for(sub { content('xfconf') =~ /\n.*\n/ }, 5), 'two settings');
is(join("\n", sort split /\n/, content('xfconf')),
	"-c xsettings -p /Gtk/CursorThemeSize -s 48 --create -t int\n"
	. '-c xsettings -p /Xft/DPI -s 144 --create -t int', 'of Xfce');

unlink $t->dir() . '/run/bin/xfce4-session';
fake('mate-session', '');
fake('gsettings', "echo \"\$*\" >>$home/gsettings");
is(ask(request('d' . pack 'NN', 192, 64)), '', 'another');
ok(wait_for(sub { 3 == (() = content('gsettings') =~ /\n/g) }, 5),
	'three settings');
is(join("\n", sort split /\n/, content('gsettings')),
	"set org.mate.font-rendering dpi 192\n"
	. "set org.mate.interface window-scaling-factor 2\n"
	. 'set org.mate.peripherals-mouse cursor-size 64', 'of MATE');

###############################################################################
# without -c, and who may not ask

kill 'TERM', $pid;
ok($t->reap($pid, 5), 'TERM ends it');
ok(!-e $path, 'its socket goes');
ok(kill(0, $id), 'programs go on');
kill 'KILL', $id;

ok(start(), 'without -c');
is(ask(request("ctouch nevermore\0")), 'no: commands are off', 'no shell');
is(ask(run_request('touch', 'still')), '', 'but programs');
ok(wait_for(sub { -e "$home/still" }, 5), 'as before');
ok(!-e "$home/nevermore", 'and nothing else');

SKIP: {
	skip 'not root', 2 if $> != 0;

	chmod 0777, $path;
	chmod 0755, $t->dir(), $t->dir() . '/run';

	my $answer = $t->dir() . '/logs/stranger';
	my $stranger = fork();

	if ($stranger == 0) {
		POSIX::setuid(65534);
		my $s = dial();
		syswrite $s, run_request('touch', 'stranger') if $s;
		my $said = $s ? reply($s) : 'no socket';
		POSIX::_exit(defined $said ? 1 : 0);
	}

	waitpid $stranger, 0;
	is($?, 0, 'another user is hung up on');
	ok(!-e "$home/stranger", 'and starts nothing');
}

# one that was killed leaves its socket, which the next one replaces

kill 'KILL', $pid;
$t->reap($pid, 5);
ok(-S $path && !dial(), 'killed, it leaves its socket');
ok(start(), 'the next one takes its place');
kill 'TERM', $pid;
$t->reap($pid, 5);

$t->write_file('run/agent', 'mine');
isnt(system("$program -s $path 2>>" . $t->dir() . '/logs/agent.log'), 0,
	'a file that is no socket');
is($t->read_file('run/agent'), 'mine', 'is left alone');

$t->done();
