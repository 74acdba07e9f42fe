#!/usr/bin/perl

# Copyright (C) ngx_selkies authors
# SPDX-License-Identifier: BSD-2-Clause

# What programs see under our preloaded libraries: a reader of each interface
# that waits in each way, and a game made with SDL2, which finds the pads by
# udev.  The pads are moved by a client of nginx.

use warnings;
use strict;

use Test::More;

use lib 'lib', 't/lib';

use Selkies;
use Selkies::WebSocket;

use IO::Handle;
use IO::Select;

my $t = Selkies->new(x => '640x480', workers => 2, timeout => 120);
my $folder = $t->dir() . '/pads';
my ($preload) = glob $t->build() . '/preload/lib*/*-linux-*';

$preload = $t->build() . '/preload/lib' unless $preload;

plan(skip_all => 'no preload library')
	unless -f "$preload/selkies_joystick_interposer.so";

mkdir $folder;
$t->simple(location => "selkies_js_socket_path $folder;");

my $c;

###############################################################################
# programs

# Fortified ones call __open_2 and __read_chk.

sub compile {
	my ($name, @flags) = @_;
	my $binary = $t->dir() . "/$name";

	return $binary if -x $binary;

	system(qw/ cc -O2 -D_FORTIFY_SOURCE=2 -o /, $binary,
		$t->root() . "/t/lib/pads/$name.c", @flags) == 0 or return undef;

	return $binary;
}

{
	package Program;

	use Selkies;

	sub start {
		my ($class, @command) = @_;

		pipe my $in, my $to or die "pipe: $!\n";
		pipe my $from, my $out or die "pipe: $!\n";

		my $pid = $t->spawn(sub {
			open STDIN, '<&', $in;
			open STDOUT, '>&', $out;
			open STDERR, '>>', $t->dir() . '/logs/programs.log';
			delete $ENV{DISPLAY};
			$ENV{SELKIES_JS_SOCKET_PATH} = $folder;
			$ENV{SDL_VIDEODRIVER} = 'dummy';
			$ENV{LD_PRELOAD} = "$preload/selkies_joystick_interposer.so:"
				. "$preload/libudev.so.1";
			exec @command;
		});

		close $in;
		close $out;
		$to->autoflush(1);

		return bless { pid => $pid, to => $to, from => $from, buffer => '',
			lines => [] }, $class;
	}

	sub tell { print { $_[0]->{to} } "$_[1]\n" }

	sub line {
		my ($self, $timeout) = @_;

		my $deadline = clock() + (defined $timeout ? $timeout : 4) * slower();

		while (index($self->{buffer}, "\n") < 0) {
			my $left = $deadline - clock();

			return undef if $left < 0
				|| !IO::Select->new($self->{from})->can_read($left)
				|| !sysread $self->{from}, $self->{buffer}, 4096,
					length $self->{buffer};
		}

		$self->{buffer} =~ s/^(.*)\n//;

		return $1;
	}

	# The next line that matches, or what came instead.

	sub until {
		my ($self, $re, $timeout) = @_;
		my @others;

		while (defined(my $line = $self->line($timeout))) {
			return $line if $line =~ $re;
			push @others, $line;
		}

		return 'only: ' . join ' | ', @others;
	}

	sub take {
		my ($self, $n, $timeout) = @_;

		return join ', ', map {
			my $line = $self->line($timeout);
			defined $line ? $line : ()
		} 1 .. $n;
	}

	sub quit {
		my ($self) = @_;

		close $self->{to};

		return $t->reap($self->{pid}, 3);
	}
}

my $reader = compile('reader') or die "reader does not compile\n";

sub reader { Program->start($reader, @_) }

sub stop {
	my ($p, $name) = @_;

	$p->tell('quit');
	ok($p->quit(), $name);
}

###############################################################################
# without a server there is no device, and nobody waits for long

my $start = now_ms();

{
	my $p = reader('/dev/input/js0');

	is($p->line(), 'open: No such device', 'no server: no device');
	$p->quit();
	cmp_ok(now_ms() - $start, '<', 1500 * slower(), 'soon');
}

is(`LD_PRELOAD=$preload/selkies_joystick_interposer.so:$preload/libudev.so.1 \\
	cat /proc/version`, $t->read_file('/proc/version'),
	'other programs notice nothing');

$t->run();
$c = Selkies::WebSocket->controller($t, 640, 480, ack => 0);

###############################################################################
# what the devices say of themselves

my @js = ('access 0, stat 0, fstat 0: char 13:2, same',
	'js 24 "Microsoft X-Box 360 pad", 8 axes, 11 buttons, version 20100');
my @event = ('access 0, stat 0, fstat 0: char 13:1065, same',
	'event 24 "Microsoft X-Box 360 pad" 0003:045e:028e:0114',
	'11 keys, 8 axes, rumble 1, ABS_Z -32767 in -32767..32767, '
	. 'ABS_HAT0X 0 in -1..1');

for my $how (qw/ block poll epoll /) {
	my $js = reader('/dev/input/js2', $how);

	is($js->take(3), join(', ', @js, 'open'), "js2, $how: described");
	is($js->take(2), 'type 130 number 2 value -32767, '
		. 'type 130 number 5 value -32767', 'triggers are at rest');

	my $ev = reader('/dev/input/event1001', $how);

	is($ev->take(4), join(', ', @event, 'open'), "event1001, $how: described");

	$c->send_text('js,b,2,0,1', 'js,b,2,0,0', 'js,a,2,0,1', 'js,a,2,0,0');
	is($js->take(4), 'type 1 number 0 value 1, type 1 number 0 value 0, '
		. 'type 2 number 0 value 32767, type 2 number 0 value 0',
		"js2, $how: events");

	$c->send_text('js,b,1,1,1', 'js,a,1,0,1', 'js,b,1,14,1');
	is($ev->take(3), 'type 1 code 305 value 1, type 3 code 0 value 32767, '
		. 'type 3 code 16 value -1', "event1001, $how: events");

	if ($how ne 'block') {
		$ev->tell('state');
		is($ev->line(), 'state 1 keys, ABS_X 32767', 'ioctls say the same');
	}

	# a reload is no unplugged pad: what has changed meanwhile comes, too

	my @old = $t->workers();

	$t->reload();
	ok($t->reloaded(), 'reloaded');
	$c->wait_eof(5);
	is($ev->take(3), 'type 1 code 305 value 0, type 3 code 0 value 0, '
		. 'type 3 code 16 value 0', "event1001, $how: what was held is let go");

	$c = Selkies::WebSocket->controller($t, 640, 480, ack => 0);
	$c->send_text('js,b,1,2,1', 'js,b,2,3,1', 'js,b,1,2,0', 'js,b,2,3,0');
	is($js->until(qr/^type 1 number 3 value 1/), 'type 1 number 3 value 1',
		"js2, $how: goes on");
	is($ev->until(qr/^type 1 code 307 value 1/), 'type 1 code 307 value 1',
		"event1001, $how: goes on");

	if ($how eq 'block') {
		kill 'KILL', $js->{pid}, $ev->{pid};
	} else {
		stop($_, 'ended') for $js, $ev;
	}
}

###############################################################################
# rumble goes to the client that has asked to hear of it

my $ev = reader('/dev/input/event1000');

$ev->until(qr/^open/);

my $deaf = $c;

$deaf->send_text('js,c,0,UGFk,4,17');
$c = Selkies::WebSocket->new($t);
$c->send_text('_ext,{"version":"x","want":["rumble"]}',
	Selkies::WebSocket::settings(640, 480), 'js,c,0,UGFk,4,17');
like($c->wait_text(qr/^_ext,/), qr/"rumble"/, 'the server has rumble');
$c->wait_frame(key => 1, timeout => 10);
$c->round_trip();

$ev->tell('rumble 65535 32767 250');
like($ev->line(), qr/^upload 0 id 0 write (24|16)$/, 'an effect is played');
is($c->wait_text(qr/"rumble"/, 3),
	'{"type":"rumble","gp":0,"strong":1.000,"weak":0.500,"ms":250}',
	'the client is told');
$c->forget();
$ev->tell('stop');
is($c->wait_text(qr/"rumble"/, 3),
	'{"type":"rumble","gp":0,"strong":0.000,"weak":0.000,"ms":0}',
	'and of its end');
stop($ev, 'ended');

###############################################################################
# SDL2

SKIP: {
	my $sdl = compile('sdl', '-lSDL2');

	skip 'no SDL2', 1 unless $sdl;

	$c->send_text('js,b,0,6,0', 'js,b,1,0,0');

	my $p = Program->start($sdl);

	is($p->line(10), 'joysticks 4', 'SDL finds four pads');
	is($p->take(4), join(', ', map { "added $_ X360 Controller "
		. '/dev/input/event' . (1000 + $_) . ' rumble 1' } 0 .. 3),
		'game controllers, each of its own') ;

	$c->send_text('js,b,0,0,1');
	is($p->until(qr/ a /), 'pad 0 a down', 'the first one\'s button');
	$c->send_text('js,b,1,3,1');
	is($p->until(qr/ y /), 'pad 1 y down', 'the second one\'s');
	$c->send_text('js,b,0,0,0', 'js,b,1,3,0');
	is(join(' | ', sort $p->line(), $p->line()), 'pad 0 a up | pad 1 y up',
		'and their release');
	$c->send_text('js,a,1,0,-1');
	is($p->until(qr/leftx -3/), 'pad 1 leftx -32768', 'a stick');
	$c->send_text('js,b,0,7,1');
	is($p->until(qr/righttrigger 3/), 'pad 0 righttrigger 32767', 'a trigger');
	$c->send_text('js,b,0,12,1');
	is($p->until(qr/dp/), 'pad 0 dpup down', 'the hat');

	$c->send_text('js,d,1');
	is($p->until(qr/leftx/), 'pad 1 leftx 0', 'one that is taken off rests');

	$c->forget();
	$p->tell('rumble 0 65535 0 100');
	is($p->until(qr/rumbled/), 'rumbled 0', 'SDL lets it shake');
	like($c->wait_text(qr/"rumble"/, 3) || '', qr/"gp":0,"strong":1\.000/,
		'and so does the client');

	# a killed server: the game goes on

	$t->kill_worker($_) for $t->workers();
	$c->wait_eof(5);
	is($p->until(qr/ up/), 'pad 0 dpup up', 'what was held is let go');
	ok(wait_for(sub { scalar(my @w = $t->workers()) == 2 }, 5), 'new workers');

	$c = Selkies::WebSocket->controller($t, 640, 480, ack => 0);
	$c->send_text('js,b,0,1,1');
	is($p->until(qr/ b /), 'pad 0 b down', 'the pad is there');

	# and without one it is unplugged

	Selkies::WebSocket::close_all();
	$t->stop('TERM');
	like($p->until(qr/removed/), qr/^removed \d/, 'no server: unplugged');
	$p->tell('quit');
	ok($p->quit(), 'ended');
}

$t->done();
