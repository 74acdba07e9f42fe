package Bench;

# Copyright (C) ngx_selkies authors
# SPDX-License-Identifier: BSD-2-Clause

# What the scripts of `make bench` share: the candidates, each with an X
# server of its own that is started for one measurement, programs that answer
# in lines, and medians.

use strict;
use warnings;

use base qw/ Exporter /;

our @EXPORT = qw/ candidates missing start_candidate stop_candidate program
                  say_to wait_line stop_program pairs median number /;

use FindBin;
use IO::Handle;
use IO::Select;
use IO::Socket::INET;
use POSIX ();

use lib "$FindBin::Bin/../lib";

use Selkies;

my $BUILD = $ENV{BUILD_DIR} || "$FindBin::Bin/../../build";

# What each is made of; "start" fills in where it listens and what it runs.

my %CANDIDATES = (
	ours => { label => 'ngx_selkies', programs => [],
		start => \&start_ours },
	stock => { label => 'the same, stock client', programs => [],
		start => \&start_ours, arguments => ['--no-lite'] },
	tigervnc => { label => 'TigerVNC', programs => [qw/ Xtigervnc websockify /],
		start => \&start_tigervnc },
	x11vnc => { label => 'x11vnc', programs => [qw/ x11vnc websockify /],
		start => \&start_x11vnc },
	ffmpeg => { label => 'ffmpeg x11grab', programs => [qw/ ffmpeg /],
		start => \&start_ffmpeg },
);

sub candidates {
	return qw/ ours stock tigervnc x11vnc ffmpeg /;
}

# The programs of a candidate that are not there.

sub missing {
	my ($name) = @_;

	return grep {
		my $program = $_;
		!grep { -x "$_/$program" } split /:/, $ENV{PATH};
	} @{ $CANDIDATES{$name}{programs} };
}

###############################################################################
# candidates

# start_candidate($name, '1920x1080'): a hash with t, label, protocol, port,
# path, pids, x_pid, arguments and ready_ms, the time to start all of it.

sub start_candidate {
	my ($name, $size, %o) = @_;

	my $kind = $CANDIDATES{$name} or die "no candidate $name\n";
	my $start = now_ms();
	my $self = { name => $name, label => $kind->{label}, size => $size,
		arguments => $kind->{arguments} || [], path => undef, %o };

	$kind->{start}->($self);
	$self->{ready_ms} = now_ms() - $start;

	return $self;
}

sub start_ours {
	my ($self) = @_;

	my $t = $self->{t} = Selkies->new(x => 0, timeout => 3600,
		workers => $self->{workers} || 1);
	my $number = $t->reserve_display();

	mkdir $t->dir() . '/desktop';
	$t->{xauth} = $t->dir() . '/desktop/Xauthority';
	$t->simple(main => 'worker_rlimit_nofile 8192;', %{ $self->{conf} || {} },
		location => 'selkies_framebuffer fd:9;'
			. ($self->{location} || ''));
	$t->write_file('nginx.conf', $t->read_file('nginx.conf')
		=~ s/worker_connections 1024/worker_connections 4096/r);
	$t->run(starter => [ $t->build() . '/selkies-xvfb', '-r',
		$t->dir() . '/desktop', '-d', $number, '-m', $self->{size}, '-i',
		$self->{size}, '-f', 9, '--' ]);

	$self->{protocol} = 'selkies';
	$self->{port} = $t->port(0);
	$self->{path} = '/websockets';
	$self->{pids} = [ $t->{starter} ];
	($self->{x_pid}) = grep {
		$t->read_file("/proc/$_/comm") =~ /^Xvfb/
	} Selkies::children_of($t->{starter});
}

# As a browser meets it: noVNC speaks through websockify.

sub start_websockify {
	my ($self, $vnc) = @_;

	my $t = $self->{t};
	my $port = $t->port(1);

	delete $t->{reserved};
	listening($vnc);

	my $pid = $t->spawn(sub {
		open STDOUT, '>>', $t->dir() . '/logs/websockify.log';
		open STDERR, '>&', \*STDOUT;
		exec 'websockify', "127.0.0.1:$port", "127.0.0.1:$vnc";
	});

	listening($port);
	$self->{protocol} = 'rfb';
	$self->{port} = $port;
	$self->{path} = '/websockify';

	return $pid;
}

sub start_tigervnc {
	my ($self) = @_;

	my $t = $self->{t} = Selkies->new(x => 0, timeout => 3600, no_module => 1);
	my $vnc = $t->port(0);

	$t->port(1);
	delete $t->{reserved};
	$t->{xauth} = $t->write_cookie('xauth');

	pipe my $r, my $w or die "pipe: $!\n";

	my $pid = $t->spawn(sub {
		close $r;
		fcntl $w, 2, 0;
		open STDOUT, '>>', $t->dir() . '/logs/xvnc.log';
		open STDERR, '>&', \*STDOUT;
		exec 'Xtigervnc', '-displayfd', fileno $w, '-geometry', $self->{size},
			'-depth', 24, '-auth', $t->{xauth}, '-rfbport', $vnc,
			'-localhost', '-SecurityTypes', 'None', '-nolisten', 'tcp',
			'-AlwaysShared', '-AcceptSetDesktopSize=0', '-s', 0;
	});

	close $w;
	$t->{display} = ':' . display_of($r);

	my $proxy = start_websockify($self, $vnc);

	$self->{pids} = [ $pid, $proxy ];
	$self->{x_pid} = $pid;
	$self->{direct_port} = $vnc;
}

sub start_x11vnc {
	my ($self) = @_;

	my $t = $self->{t} = Selkies->new(x => $self->{size}, timeout => 3600,
		no_module => 1);
	my $vnc = $t->port(0);

	$t->port(1);
	delete $t->{reserved};

	my $pid = $t->spawn(sub {
		%ENV = (%ENV, $t->x_environment());
		open STDOUT, '>>', $t->dir() . '/logs/x11vnc.log';
		open STDERR, '>&', \*STDOUT;
		exec 'x11vnc', '-rfbport', $vnc, '-localhost', '-forever', '-shared',
			'-nopw', '-quiet', '-noipv6', '-nobell', '-no6';
	});

	my $proxy = start_websockify($self, $vnc);

	$self->{pids} = [ $pid, $proxy, $t->x_pid() ];
	$self->{x_pid} = $t->x_pid();
	$self->{direct_port} = $vnc;
}

# The whole screen at 60 Hz, with the coder's settings as ours are.

sub start_ffmpeg {
	my ($self) = @_;

	my $t = $self->{t} = Selkies->new(x => $self->{size}, timeout => 3600,
		no_module => 1);
	my $port = $t->port(0);

	delete $t->{reserved};

	my $pid = $t->spawn(sub {
		%ENV = (%ENV, $t->x_environment());
		open STDOUT, '>>', $t->dir() . '/logs/ffmpeg.log';
		open STDERR, '>&', \*STDOUT;
		exec 'ffmpeg', '-nostdin', '-loglevel', 'error', '-fflags', 'nobuffer',
			'-f', 'x11grab', '-framerate', 60, '-draw_mouse', 0,
			'-video_size', $self->{size}, '-i', $t->display(), '-pix_fmt',
			'yuv420p', '-c:v', 'libx264', '-preset', 'ultrafast', '-tune',
			'zerolatency', '-crf', 25, '-g', 999999, '-flush_packets', 1,
			'-f', 'flv', "tcp://127.0.0.1:$port?listen=1&tcp_nodelay=1";
	});

	# it takes one connection, so only the table of sockets may be asked
	my $local = sprintf ':%04X 00000000:0000 0A', $port;

	wait_for { $t->read_file('/proc/net/tcp') =~ /$local/ } 10
		or die "ffmpeg does not listen\n";

	$self->{protocol} = 'flv';
	$self->{port} = $port;
	$self->{pids} = [ $pid, $t->x_pid() ];
	$self->{x_pid} = $t->x_pid();
}

sub display_of {
	my ($r) = @_;

	my $number = '';

	while ($number !~ /\n/) {
		IO::Select->new($r)->can_read(20) or die "no X server\n";
		sysread $r, $number, 16, length $number or die "the X server ended\n";
	}

	chomp $number;

	return $number;
}

sub listening {
	my ($port) = @_;

	wait_for {
		IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port");
	} 20 or die "nothing listens on $port\n";
}

sub stop_candidate {
	my ($self) = @_;

	my $t = $self->{t} or return;

	$t->shutdown();
	$t->cleanup();
	delete $self->{t};
}

###############################################################################
# programs of t/bench that answer in lines

sub program {
	my ($candidate, $name, @arguments) = @_;

	my $t = $candidate->{t};

	pipe my $in, my $commands or die "pipe: $!\n";
	pipe my $lines, my $out or die "pipe: $!\n";

	my $pid = $t->spawn(sub {
		close $_ for $commands, $lines;
		open STDIN, '<&', $in;
		open STDOUT, '>&', $out;
		%ENV = (%ENV, $t->x_environment()) if $t->display();
		exec "$BUILD/bench/$name", @arguments;
	});

	close $_ for $in, $out;
	$commands->autoflush(1);

	return { t => $t, name => $name, pid => $pid, commands => $commands,
		lines => $lines, buffer => '' };
}

sub say_to {
	my ($program, $text) = @_;

	print { $program->{commands} } "$text\n";
}

# The next line that begins so, or undef when the program or the time ended.

sub wait_line {
	my ($program, $word, $timeout) = @_;

	my $deadline = clock() + $timeout;

	for ( ;; ) {
		while ($program->{buffer} =~ s/^(.*)\n//) {
			my $line = $1;
			return $line if $line =~ /^\Q$word\E\b/;
		}

		my $left = $deadline - clock();

		return undef if $left <= 0;
		next unless IO::Select->new($program->{lines})->can_read($left);
		return undef unless sysread $program->{lines}, $program->{buffer},
			65536, length $program->{buffer};
	}
}

sub stop_program {
	my ($program) = @_;

	close $program->{commands};
	close $program->{lines};

	my $t = $program->{t};

	kill 'TERM', $program->{pid} unless $program->{name} eq 'load';
	$t->reap($program->{pid}, 3) or kill 'KILL', $program->{pid};
}

# name=value ...

sub pairs {
	my ($line) = @_;

	return $line =~ /(\w+)=(\S+)/g;
}

###############################################################################

sub median {
	my @values = sort { $a <=> $b } grep { defined && $_ >= 0 } @_;

	return undef unless @values;

	return @values % 2 ? $values[$#values / 2]
		: ($values[@values / 2 - 1] + $values[@values / 2]) / 2;
}

# Three digits that matter.

sub number {
	my ($n) = @_;

	return '-' unless defined $n;

	return sprintf $n >= 100 ? '%.0f' : $n >= 10 ? '%.1f' : '%.2f', $n;
}

1;
