/*
 * What the probe uses of Apple's AudioToolbox: names, layouts and numbers are Apple's, the rest of
 * the headers is left out. fake_unit.c is behind it.
 */
#ifndef FAKE_AUDIO_TOOLBOX_H
#define FAKE_AUDIO_TOOLBOX_H

#include <stdint.h>

typedef int32_t OSStatus;
typedef uint32_t UInt32;
typedef uint64_t UInt64;
typedef int16_t SInt16;
typedef double Float64;
typedef unsigned char Boolean;
typedef UInt32 OSType;
typedef struct OpaqueAudioComponent *AudioComponent;
typedef struct OpaqueAudioComponentInstance *AudioComponentInstance;
typedef AudioComponentInstance AudioUnit;
typedef UInt32 AudioUnitPropertyID, AudioUnitScope, AudioUnitElement, AudioUnitRenderActionFlags;

#define FOUR(a, b, c, d) ((UInt32)(a) << 24 | (UInt32)(b) << 16 | (UInt32)(c) << 8 | (UInt32)(d))

enum {
    noErr = 0,
    kAudio_MemFullError = -108,
    kAudioUnitErr_InvalidProperty = -10879,
    kAudioUnitErr_FailedInitialization = -10875,
    kAudioUnitErr_FormatNotSupported = -10868,
    kAudioUnitErr_Uninitialized = -10867,
    kAudioUnitErr_CannotDoInCurrentContext = -10863,
    kAudioUnitErr_InvalidPropertyValue = -10851,
};
enum {
    kAudioUnitType_Output = FOUR('a', 'u', 'o', 'u'),
    kAudioUnitSubType_RemoteIO = FOUR('r', 'i', 'o', 'c'),
    kAudioUnitSubType_VoiceProcessingIO = FOUR('v', 'p', 'i', 'o'),
    kAudioUnitManufacturer_Apple = FOUR('a', 'p', 'p', 'l'),
    kAudioFormatLinearPCM = FOUR('l', 'p', 'c', 'm'),
};
enum { kAudioFormatFlagIsFloat = 1, kAudioFormatFlagIsPacked = 8 };
enum { kAudioUnitScope_Global = 0, kAudioUnitScope_Input = 1, kAudioUnitScope_Output = 2 };
enum {
    kAudioUnitProperty_StreamFormat = 8,
    kAudioUnitProperty_MaximumFramesPerSlice = 14,
    kAudioUnitProperty_SetRenderCallback = 23,
    kAudioUnitProperty_ShouldAllocateBuffer = 51,
    kAudioOutputUnitProperty_EnableIO = 2003,
    kAudioOutputUnitProperty_SetInputCallback = 2005,
    kAUVoiceIOProperty_BypassVoiceProcessing = 2100,
    kAUVoiceIOProperty_VoiceProcessingEnableAGC = 2101,
};
enum { kAudioTimeStampSampleTimeValid = 1, kAudioTimeStampHostTimeValid = 2 };

typedef struct SMPTETime {
    SInt16 mSubframes, mSubframeDivisor;
    UInt32 mCounter, mType, mFlags;
    SInt16 mHours, mMinutes, mSeconds, mFrames;
} SMPTETime;

typedef struct AudioTimeStamp {
    Float64 mSampleTime;
    UInt64 mHostTime;
    Float64 mRateScalar;
    UInt64 mWordClockTime;
    SMPTETime mSMPTETime;
    UInt32 mFlags;
    UInt32 mReserved;
} AudioTimeStamp;

typedef struct AudioStreamBasicDescription {
    Float64 mSampleRate;
    UInt32 mFormatID, mFormatFlags, mBytesPerPacket, mFramesPerPacket, mBytesPerFrame;
    UInt32 mChannelsPerFrame, mBitsPerChannel, mReserved;
} AudioStreamBasicDescription;

typedef struct AudioBuffer {
    UInt32 mNumberChannels, mDataByteSize;
    void *mData;
} AudioBuffer;

typedef struct AudioBufferList {
    UInt32 mNumberBuffers;
    AudioBuffer mBuffers[1];
} AudioBufferList;

typedef struct AudioComponentDescription {
    OSType componentType, componentSubType, componentManufacturer;
    UInt32 componentFlags, componentFlagsMask;
} AudioComponentDescription;

typedef OSStatus (*AURenderCallback)(void *user, AudioUnitRenderActionFlags *flags,
                                     const AudioTimeStamp *time, UInt32 bus, UInt32 frames,
                                     AudioBufferList *list);
typedef struct AURenderCallbackStruct {
    AURenderCallback inputProc;
    void *inputProcRefCon;
} AURenderCallbackStruct;

AudioComponent AudioComponentFindNext(AudioComponent after, const AudioComponentDescription *what);
OSStatus AudioComponentInstanceNew(AudioComponent component, AudioComponentInstance *instance);
OSStatus AudioComponentInstanceDispose(AudioComponentInstance instance);
OSStatus AudioUnitSetProperty(AudioUnit unit, AudioUnitPropertyID property, AudioUnitScope scope,
                              AudioUnitElement bus, const void *value, UInt32 bytes);
OSStatus AudioUnitGetProperty(AudioUnit unit, AudioUnitPropertyID property, AudioUnitScope scope,
                              AudioUnitElement bus, void *value, UInt32 *bytes);
OSStatus AudioUnitInitialize(AudioUnit unit);
OSStatus AudioUnitUninitialize(AudioUnit unit);
OSStatus AudioUnitRender(AudioUnit unit, AudioUnitRenderActionFlags *flags,
                         const AudioTimeStamp *time, UInt32 bus, UInt32 frames,
                         AudioBufferList *list);
OSStatus AudioOutputUnitStart(AudioUnit unit);
OSStatus AudioOutputUnitStop(AudioUnit unit);

#endif
