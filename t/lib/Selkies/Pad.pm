package Selkies::Pad;

# Copyright (C) ngx_selkies authors
# SPDX-License-Identifier: BSD-2-Clause

# A program that reads a gamepad, as the stock preloaded library lets it: it
# connects, reads 1360 bytes, says sizeof(long) in one byte, and from then on
# takes one event at a read.

use strict;
use warnings;

use IO::Select;
use IO::Socket::UNIX;
use Socket qw/ SOCK_STREAM /;

use Selkies;

my %BUTTON = (0x130 => 'A', 0x131 => 'B', 0x133 => 'X', 0x134 => 'Y',
	0x136 => 'TL', 0x137 => 'TR', 0x13a => 'SELECT', 0x13b => 'START',
	0x13c => 'MODE', 0x13d => 'THUMBL', 0x13e => 'THUMBR');

# new($folder, 'js0' or 'event1000', long => 4 or 8 or what else, quiet => 1:
# says nothing)

sub new {
	my ($class, $folder, $name, %o) = @_;

	my $self = bless {
		event => $name =~ /^event/ ? 1 : 0,
		long => defined $o{long} ? $o{long} : 8,
		buffer => '',
	}, $class;

	$self->{socket} = IO::Socket::UNIX->new(Type => SOCK_STREAM,
		Peer => "$folder/selkies_$name.sock") or return undef;

	$self->{config} = $self->bytes(1360);

	$self->send(chr $self->{long}) unless $o{quiet};

	return $self;
}

sub send {
	my ($self, $data) = @_;

	return $self->{socket}->syswrite($data);
}

sub record {
	my ($self) = @_;

	return !$self->{event} ? 8 : $self->{long} == 8 ? 24 : 16;
}

# So many bytes, or what had come when the time was over.

sub bytes {
	my ($self, $n, $timeout) = @_;

	my $deadline = clock() + (defined $timeout ? $timeout : 3) * slower();

	while (length $self->{buffer} < $n) {
		my $left = $deadline - clock();

		last if $self->{eof} || !IO::Select->new($self->{socket})->can_read(
			$left > 0 ? $left : 0);

		my $got = sysread $self->{socket}, $self->{buffer}, 65536,
			length $self->{buffer};

		$self->{eof} = 1 unless $got;
	}

	return substr $self->{buffer}, 0, $n, '';
}

# The next record as words; undef when there is none in time.  The joystick's:
# "button 3 1", "init axis 2 -32767"; the other's: "key A 1", "abs 16 -1", "syn".

sub next {
	my ($self, $timeout) = @_;

	my $record = $self->bytes($self->record(), $timeout);

	return undef unless length $record == $self->record();

	if (!$self->{event}) {
		my ($time, $value, $type, $number) = unpack 'L s C C', $record;

		$self->{time} = $time;

		return ($type & 0x80 ? 'init ' : '')
			. ($type & 1 ? 'button' : $type & 2 ? 'axis' : "type$type")
			. " $number $value";
	}

	my ($sec, $usec, $type, $code, $value)
		= unpack $self->{long} == 8 ? 'q q S S l' : 'l l S S l', $record;

	$self->{time} = $sec + $usec / 1e6;

	return $type == 1 ? 'key ' . ($BUTTON{$code} || $code) . " $value"
		: $type == 3 ? "abs $code $value"
		: $type == 0 && $code == 0 && $value == 0 ? 'syn'
		: "type $type code $code value $value";
}

sub take {
	my ($self, $n, $timeout) = @_;

	my @records;

	while (@records < $n) {
		my $record = $self->next($timeout);

		last unless defined $record;
		push @records, $record;
	}

	return join ', ', @records;
}

# What is there by now.

sub rest { $_[0]->take(10000, $_[1] || 0) }

sub ended {
	my ($self, $timeout) = @_;

	$self->bytes(1 << 30, $timeout);

	return $self->{eof};
}

sub close { close delete $_[0]->{socket} }

1;
