package Selkies::Sound;

# Copyright (C) ngx_selkies authors
# SPDX-License-Identifier: BSD-2-Clause

# A PulseAudio server of a test's own, with the sinks of the launcher; what it
# plays, and what is heard of it.

use warnings;
use strict;

use POSIX qw/ _exit /;
use Test::More ();

use Selkies;

# new($t, name => of its folder, late => 1): unless late the server is ready.
# socket() is for selkies_pulse_server.  With owner => a user's name it is run by
# that one, its socket is in a folder that the group => may enter, and protocol =>
# says who it lets in; cookie() has its cookie then.

sub new {
	my ($class, $t, %o) = @_;

	my $self = bless { t => $t, dir => $t->dir() . '/' . ($o{name} || 'sound'),
		channels => $o{channels} || 2, map => $o{map},
		modules => $o{modules}, protocol => $o{protocol} || '' }, $class;

	mkdir $self->{dir}, 0700;
	$self->hand_over($o{owner}, $o{group}) if $o{owner};
	$self->start() unless $o{late};

	return $self;
}

sub hand_over {
	my ($self, $owner, $group) = @_;

	my ($uid, $gid) = (getpwnam $owner)[2, 3];
	my $common = getgrnam $group;

	$self->{shared} = "$self->{dir}.shared";
	$self->{ids} = [ $uid, $gid ];

	mkdir $self->{shared};
	chown $uid, $gid, $self->{dir};
	chown $uid, $common, $self->{shared};
	chmod 02750, $self->{shared};

	open my $file, '>', $self->cookie() or die "cookie: $!\n";
	print $file map { chr int rand 256 } 1 .. 256;
	close $file;
	chown $uid, $common, $self->cookie();
	chmod 0640, $self->cookie();

	$self->{protocol} = sprintf 'socket=%s auth-cookie=%s %s', $self->socket(),
		$self->cookie(), $self->{protocol};
}

sub socket {
	my ($self) = @_;

	return $self->{shared} ? "$self->{shared}/native"
		: "$self->{dir}/pulse/native";
}

sub cookie { "$_[0]->{shared}/cookie" }
sub pid { $_[0]->{pid} }

sub environment {
	my ($self) = @_;

	return (HOME => $self->{dir}, XDG_RUNTIME_DIR => $self->{dir},
		PULSE_RUNTIME_PATH => "$self->{dir}/pulse",
		PULSE_SERVER => 'unix:' . $self->socket(),
		$self->{shared} ? (PULSE_COOKIE => $self->cookie()) : ());
}

sub start {
	my ($self) = @_;

	my @modules = @{ $self->{modules} || [
		'module-null-sink sink_name=output rate=48000 '
			. "channels=$self->{channels}"
			. ($self->{map} ? " channel_map=$self->{map}" : ''),
		'module-null-sink sink_name=input rate=48000 channels=1',
	] };

	unlink $self->socket(), "$self->{dir}/pulse/pid";

	$self->{pid} = $self->{t}->spawn(sub {
		%ENV = (%ENV, $self->environment());
		delete $ENV{PULSE_SERVER};
		open STDOUT, '>>', $self->{t}->dir() . '/logs/pulse.log';
		open STDERR, '>&', \*STDOUT;
		become(@{ $self->{ids} }) if $self->{ids};
		exec qw/ pulseaudio -n --daemonize=no --exit-idle-time=-1
			--disallow-exit --log-level=notice --log-target=stderr /,
			map { ('-L', $_) } "module-native-protocol-unix $self->{protocol}",
				@modules;
	});

	# the socket is there before the modules behind it

	wait_for {
		-S $self->socket() && $self->ctl('info') =~ /^Server Name/m
	} 10 or die 'PulseAudio is not ready: '
		. $self->{t}->read_file('logs/pulse.log');

	return $self;
}

sub become {
	my ($uid, $gid) = @_;

	$) = "$gid $gid";
	POSIX::setgid($gid);
	POSIX::setuid($uid) or die "setuid: $!\n";
}

sub kill {
	my ($self, $signal) = @_;

	CORE::kill $signal || 'KILL', $self->{pid};
	$self->{t}->reap($self->{pid}, 5) or die "PulseAudio does not end\n"
		unless defined $signal && $signal =~ /STOP|CONT/;
}

# The output of pactl.

sub ctl {
	my ($self, @words) = @_;

	local %ENV = (%ENV, $self->environment());

	my $pid = open my $out, '-|';

	die "fork: $!\n" unless defined $pid;

	if ($pid == 0) {
		open STDERR, '>', '/dev/null';
		exec 'pactl', @words or POSIX::_exit(1);
	}

	local $/;
	my $text = <$out>;
	close $out;

	return defined $text ? $text : '';
}

# Plays a tone, at once and for so long; its pid, for stop().

sub play {
	my ($self, %o) = @_;

	my $tool = $self->{t}->tool('sound');
	my $channels = $o{channels} || $self->{channels};
	my $map = $o{map} || $self->{map};

	my @tone = ($tool, 'tone', 48000, $channels,
		$o{hz} || 1000, defined $o{db} ? $o{db} : -12, $o{seconds} || 60);

	return $self->{t}->spawn(sub {
		%ENV = (%ENV, $self->environment());
		open STDERR, '>>', $self->{t}->dir() . '/logs/pacat.log';

		pipe my $r, my $w or die;

		if (fork() == 0) {
			open STDOUT, '>&', $w;
			exec { $tone[0] } @tone or POSIX::_exit(1);
		}

		close $w;
		open STDIN, '<&', $r;
		exec 'pacat', '--playback', '--raw', '--rate=48000',
			"--channels=$channels", '--format=s16le', '--latency-msec=' . ($o{latency} || 200),
			'--device=' . ($o{sink} || 'output'),
			$map ? ('--no-remix', "--channel-map=$map") : ();
	});
}

# Beeps that know when they are: their pid, for stop(), and a handle with a line
# each; see t/lib/beeps.c.

sub beep {
	my ($self, $count) = @_;

	my $tool = $self->{t}->tool('beeps');

	pipe my $r, my $w or die "pipe: $!\n";

	my $pid = $self->{t}->spawn(sub {
		%ENV = (%ENV, $self->environment());
		open STDOUT, '>&', $w;
		open STDERR, '>>', $self->{t}->dir() . '/logs/pacat.log';
		exec $tool, 'output', 1000, 400, $count;
	});

	close $w;

	return ($pid, $r);
}

# Records a source into a file, 24 kHz mono; its pid, for stop().

sub record {
	my ($self, $source, $file) = @_;

	return $self->{t}->spawn(sub {
		%ENV = (%ENV, $self->environment());
		open STDERR, '>>', $self->{t}->dir() . '/logs/parec.log';
		open STDOUT, '>', $file;
		exec 'parec', '--raw', '--rate=24000', '--channels=1',
			'--format=s16le', '--latency-msec=20', "--device=$source";
	});
}

sub stop {
	my ($self, $pid) = @_;

	CORE::kill 'TERM', $pid;
	$self->{t}->reap($pid, 5);
}

# What came with these messages of a WebSocket: [frames, peak dBFS, rms dBFS,
# pitch] for each channel, or undef.

sub heard {
	my ($self, $sounds, %o) = @_;

	my $channels = $o{channels} || 2;
	my $packets = join '', map { pack 'n/a*', substr $_->{data}, 2 } @$sounds;

	my $raw = $self->filter($packets, 'decode', $channels);

	return $self->level($raw, 48000, $channels, $o{skip});
}

# Of samples; the first `skip` seconds do not count.

sub level {
	my ($self, $raw, $rate, $channels, $skip) = @_;

	$raw = substr $raw, 2 * $channels * int($skip * $rate) if $skip;

	return map { [split] } split /\n/,
		$self->filter($raw, 'level', $rate, $channels);
}

# A tone is heard by a client as it is played, each channel half an octave above
# the one before; its packets, of half a second.  On a busy machine the player
# itself may falter: there are three tries.

sub is_heard {
	my ($self, $ws, %o) = @_;

	my %tone = (hz => 1000, db => -12, name => 'a tone', %o);
	my $channels = $o{channels} || 2;
	my ($right, @packets, @heard);

	for my $try (1 .. 3) {
		my $pid = $self->play(%tone);

		$ws->wait_sound(5);
		$ws->run_for(0.2);
		$ws->{sounds} = [];
		$ws->run_for(0.5);
		$self->stop($pid);
		@packets = @{ $ws->{sounds} };
		@heard = $self->heard(\@packets, skip => 0.1, channels => $channels);

		Test::More::note("$tone{name}: ", join ', ',
			map { "$_->[3] Hz at $_->[2] dB" } @heard);

		$right = @heard == $channels && !grep {
			my ($hz, $db) = ($tone{hz} * (1 + $_ / 2), $tone{db} - 3.01);

			abs($heard[$_][3] - $hz) > $hz / 200
				|| abs($heard[$_][2] - $db) > 1;
		} 0 .. $#heard;

		last if $right;
	}

	Test::More::ok($right,
		"$tone{name}: each channel's pitch, and its level within 1 dB");

	return @packets;
}

# A sentence of one voice at 24 kHz: a file of its samples, and of a wave of
# them; nothing where nobody here speaks.  The voice has 22050 Hz, so that it
# talks a little faster than it would.

sub sentence {
	my ($self) = @_;

	my $dir = $self->{t}->dir();
	my $wave = `espeak-ng -v en -a 100 --stdout 'The quick brown fox jumps over a lazy dog, and nobody minds.' 2>/dev/null`;

	return () unless defined $wave && $wave =~ /^RIFF....WAVE.*?data.{4}(.+)/s;

	my $samples = substr $1, 0, length($1) & ~255;

	$self->{t}->write_file('said', $samples);
	$self->{t}->write_file('said.wav', pack 'a4Va4 a4VvvVVvv a4Va*', 'RIFF',
		36 + length $samples, 'WAVE', 'fmt ', 16, 1, 1, 24000, 48000, 2, 16,
		'data', length $samples, $samples);

	return ("$dir/said", "$dir/said.wav");
}

# Where a file of samples is in another, and how alike: see t/lib/sound.c.

sub match {
	my ($self, $rate, $said, $heard) = @_;

	my $tool = $self->{t}->tool('sound');

	return split ' ', `$tool match $rate $said $heard`;
}

sub filter {
	my ($self, $in, @words) = @_;

	my $dir = $self->{t}->dir();

	$self->{t}->write_file('sound.in', $in);
	my $tool = $self->{t}->tool('sound');
	my $out = `$tool @words <$dir/sound.in`;

	return $out;
}

1;
