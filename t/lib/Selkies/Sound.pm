package Selkies::Sound;

# Copyright (C) ngx_selkies authors
# SPDX-License-Identifier: BSD-2-Clause

# A PulseAudio server of a test's own, with the sinks of the launcher; what it
# plays, and what is heard of it.

use warnings;
use strict;

use POSIX qw/ _exit /;

use Selkies;

# new($t, name => of its folder, late => 1): unless late the server is ready.  socket() is for selkies_pulse_server.

sub new {
	my ($class, $t, %o) = @_;

	my $self = bless { t => $t, dir => $t->dir() . '/' . ($o{name} || 'sound'),
		channels => $o{channels} || 2, map => $o{map},
		modules => $o{modules} }, $class;

	mkdir $self->{dir}, 0700;
	$self->start() unless $o{late};

	return $self;
}

sub socket { "$_[0]->{dir}/pulse/native" }
sub pid { $_[0]->{pid} }

sub environment {
	my ($self) = @_;

	return (HOME => $self->{dir}, XDG_RUNTIME_DIR => $self->{dir},
		PULSE_RUNTIME_PATH => "$self->{dir}/pulse",
		PULSE_SERVER => 'unix:' . $self->socket());
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
		exec qw/ pulseaudio -n --daemonize=no --exit-idle-time=-1
			--disallow-exit --log-level=notice --log-target=stderr /,
			map { ('-L', $_) } 'module-native-protocol-unix', @modules;
	});

	# the socket is there before the modules behind it

	wait_for {
		-S $self->socket() && $self->ctl('info') =~ /^Server Name/m
	} 10 or die 'PulseAudio is not ready: '
		. $self->{t}->read_file('logs/pulse.log');

	return $self;
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
			$map ? "--channel-map=$map" : ();
	});
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

sub filter {
	my ($self, $in, @words) = @_;

	my $dir = $self->{t}->dir();

	$self->{t}->write_file('sound.in', $in);
	my $tool = $self->{t}->tool('sound');
	my $out = `$tool @words <$dir/sound.in`;

	return $out;
}

1;
