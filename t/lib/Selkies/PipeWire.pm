package Selkies::PipeWire;

# Copyright (C) ngx_selkies authors
# SPDX-License-Identifier: BSD-2-Clause

# PipeWire in the place of PulseAudio: its daemon, its session manager, and the
# server that speaks PulseAudio's protocol, whose pid is this one's.

use warnings;
use strict;

use parent qw/ Selkies::Sound /;

use Selkies;

my @programs = qw/ pipewire wireplumber pipewire-pulse dbus-daemon /;

# What the machine lacks, '' for nothing.

sub missing {
	return join ' ', grep {
		my $program = $_;

		!grep { -x "$_/$program" } split /:/, $ENV{PATH};
	} @programs;
}

sub start {
	my ($self) = @_;

	my $dir = $self->{dir};

	if (!$self->{around}) {
		$self->{around} = 1;
		mkdir "$dir/pulse", 0700;
		$self->launch('dbus-daemon', '--session', '--nofork',
			"--address=unix:path=$dir/bus");
		wait_for { -S "$dir/bus" } 5 or die "no bus\n";
		$self->launch('pipewire');
		wait_for { -S "$dir/pipewire-0" } 5 or die "no PipeWire\n";
		$self->launch('wireplumber');
	}

	unlink $self->socket();
	$self->{pid} = $self->launch('pipewire-pulse');

	wait_for {
		-S $self->socket() && $self->ctl('info') =~ /^Server Name: .*PipeWire/m
	} 10 or die 'PipeWire is not ready: '
		. $self->{t}->read_file('logs/pulse.log');

	for my $sink ([ 'output', 2 ], [ 'input', 1 ]) {
		next if $self->ctl('list', 'short', 'sinks') =~ /\t$sink->[0]\t/;
		$self->ctl('load-module', 'module-null-sink', "sink_name=$sink->[0]",
			"channels=$sink->[1]", 'rate=48000');
	}

	$self->ctl('set-default-sink', 'output');
	wait_for { $self->ctl('list', 'short', 'sources') =~ /\toutput\.monitor\t/ } 5
		or die "no sink\n";

	return $self;
}

sub launch {
	my ($self, @words) = @_;

	return $self->{t}->spawn(sub {
		%ENV = (%ENV, $self->environment(),
			DBUS_SESSION_BUS_ADDRESS => "unix:path=$self->{dir}/bus");
		delete @ENV{qw/ PULSE_SERVER DISPLAY /};
		open STDOUT, '>>', $self->{t}->dir() . '/logs/pulse.log';
		open STDERR, '>&', \*STDOUT;
		exec { $words[0] } @words;
	});
}

1;
