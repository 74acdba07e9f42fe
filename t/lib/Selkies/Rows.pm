package Selkies::Rows;

# Copyright (C) ngx_selkies authors
# SPDX-License-Identifier: BSD-2-Clause

# A client of the encoders that send the picture in rows: JPEG images (0x03)
# or H.264 stripes (0x04 with a y).  Keeps what is needed to show each row and
# composes them.

use strict;
use warnings;

use base qw/ Selkies::WebSocket /;

use Selkies qw/ clock /;
use Selkies::Picture;

# A viewer as our own page is one: for a stock one there are no rows.

sub viewer {
	my ($class, $t, %o) = @_;

	my $self = $class->new($t, %o);

	die "no upgrade: $self->{status}\n" unless $self->{status} == 101;

	$self->send_text('_ext,{"version":"x","want":[]}', 'START_VIDEO');

	return $self;
}

sub message {
	my ($self, $opcode, $data) = @_;

	if ($opcode == 1) {
		$self->{rows} = {} if $data =~ /^PIPELINE_RESETTING/;
		return $self->SUPER::message($opcode, $data);
	}

	if (ord $data == 4) {
		$self->SUPER::message($opcode, $data);

		my $f = $self->{frames}[-1];

		$self->{rows}{$f->{y}} = [] if $f->{key};
		push @{ $self->{rows}{$f->{y}} }, $f;

		return;
	}

	return $self->SUPER::message($opcode, $data)
		unless ord $data == 3 && length $data > 6;

	my (undef, $zero, $id, $y) = unpack 'CCnn', $data;
	my $jpeg = substr $data, 6;
	my $f = { jpeg => 1, key => 0, id => $id, y => $y, at => clock(),
		bytes => length $data, data => $jpeg, info($jpeg) };

	push @{ $self->{errors} }, "03 $zero" if $zero;
	push @{ $self->{errors} }, 'no JPEG image' unless $f->{w};

	$self->{nframes}++;
	$self->{acked} = $self->{last_id} = $id;
	$self->{last_at} = $f->{at};
	push @{ $self->{frames} }, $f;
	push @{ $self->{log} }, "jpeg $y";
	$self->{rows}{$y} = [ $f ];
}

# Size and sampling of a baseline JPEG image (JFIF; ITU-T T.81, B.2.2).

sub info {
	my ($jpeg) = @_;

	return () unless substr($jpeg, 0, 2) eq "\xff\xd8"
		&& substr($jpeg, -2) eq "\xff\xd9";

	for (my $at = 2; $at + 4 < length $jpeg; ) {
		my ($ff, $marker, $len) = unpack 'CCn', substr $jpeg, $at, 4;

		return () if $ff != 255;

		if ($marker == 0xc0) {
			my (undef, $h, $w, undef, undef, $sampling)
				= unpack 'CnnCCC', substr $jpeg, $at + 4, 9;

			return (w => $w, h => $h,
				sampling => $sampling == 0x22 ? '420'
					: $sampling == 0x11 ? '444' : $sampling);
		}

		$at += 2 + $len;
	}

	return ();
}

# Whether there is something to show from 0 to the bottom without a hole.

sub height {
	my ($self) = @_;

	my $y = 0;

	for my $top (sort { $a <=> $b } keys %{ $self->{rows} }) {
		return 0 if $top != $y || !@{ $self->{rows}{$top} };
		$y += $self->{rows}{$top}[-1]{h};
	}

	return $y;
}

sub wait_rows {
	my ($self, $height, $timeout) = @_;

	return $self->wait_until(sub { $self->height() == $height }, $timeout);
}

# The ys of the rows that came, by frame id, in the order of the ids.

sub ticks {
	my ($self) = @_;

	my (@ticks, %of);

	for my $f (@{ $self->{frames} }) {
		push @ticks, $of{$f->{id}} = [] unless $of{$f->{id}};
		push @{ $of{$f->{id}} }, $f;
	}

	return @ticks;
}

sub picture {
	my ($self) = @_;

	my $h = $self->height() or return undef;
	my %parts = map { $_ => [ @{ $self->{rows}{$_} } ] } keys %{ $self->{rows} };

	return bless { w => $self->{rows}{0}[-1]{w}, h => $h, parts => \%parts },
		'Selkies::Rows::Picture';
}

package Selkies::Rows::Picture;

our @ISA = ('Selkies::Picture');

sub rgb {
	my ($self, $x, $y) = @_;

	my ($top) = grep { $_ <= $y } sort { $b <=> $a } keys %{ $self->{parts} };
	my $frames = $self->{parts}{$top};
	my $last = $frames->[-1];

	# a row is decoded when somebody looks at it, and once
	$last->{picture} ||= $last->{jpeg} ? Selkies::Rows::Image->decode($last)
		: Selkies::Picture->last_of(@$frames);

	return (-999) x 3 unless $last->{picture};
	return $last->{picture}->rgb($x, $y - $top);
}

package Selkies::Rows::Image;

use File::Temp;

sub decode {
	my ($class, $f) = @_;

	my $file = File::Temp->new();

	binmode $file;
	print $file $f->{data};
	close $file;

	open my $out, '-|', 'ffmpeg', '-nostdin', '-loglevel', 'quiet', '-f',
		'mjpeg', '-i', $file->filename, '-f', 'rawvideo', '-pix_fmt', 'rgb24',
		'pipe:1' or return undef;
	binmode $out;

	my $size = $f->{w} * $f->{h} * 3;
	my $data = '';

	1 while Selkies::Picture::read_some($out, $data, $size + 1);
	close $out;

	return undef unless length $data == $size;

	return bless { w => $f->{w}, data => $data }, $class;
}

sub rgb {
	my ($self, $x, $y) = @_;

	return unpack 'C3', substr $self->{data}, 3 * ($y * $self->{w} + $x), 3;
}

1;
